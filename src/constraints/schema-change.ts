/** A change of what is declared, as the coordinator of a graph is asked to decide it: in place of operations, and alone. */
import type { SchemaEntry } from '../../graph/query-graph.ts';

export type SchemaChange =
  | { readonly op: 'declare'; readonly entry: SchemaEntry }
  | { readonly op: 'drop'; readonly name: string };

/** No list of operations begins like this. */
const MARK = 'schema ';

export function encodeSchemaChange(change: SchemaChange): string {
  return MARK + JSON.stringify(change);
}

export function isSchemaChange(operations: string): boolean {
  return operations.startsWith(MARK);
}

export function decodeSchemaChange(operations: string): SchemaChange {
  return JSON.parse(operations.slice(MARK.length)) as SchemaChange;
}

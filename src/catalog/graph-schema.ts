/**
 * Declared indexes and constraints of a graph. Each is a node of `_system` with the label `Schema`, so declarations are
 * durable and replicate like any other data; two servers that declare the same apart mean the same node.
 */

import { WeftError } from '../../base/errors.ts';
import { nodeId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { ConstraintSet } from '../../crdt/constraint-set.ts';
import { nodeAt, sortedNodes } from '../../crdt/view-reads.ts';
import { indexes } from '../../crdt/view-statistics.ts';
import type { Node, Operation } from '../../graph/model.ts';
import type { SchemaEntry } from '../../graph/query-graph.ts';
import { isList, type Value } from '../../graph/value.ts';
import { declaresSame } from '../../query/execution/schema-statements.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { SYSTEM_PARTITION, SystemReading } from './system-reading.ts';

const SCHEMA_LABEL = 'Schema';
const KINDS: readonly string[] = ['index', 'unique', 'exists', 'key', 'type'] satisfies SchemaEntry['kind'][];

export class GraphSchema {
  readonly #key: string;
  /** Asked for late: the catalog makes graphs before it has its own. */
  readonly #system: () => ResidentGraph;
  #entries: readonly SchemaEntry[] = [];
  readonly #read = new SystemReading();

  /** @param key of the graph */
  constructor(key: string, system: () => ResidentGraph) {
    this.#key = key;
    this.#system = system;
  }

  /** By name; the same array until something is declared or dropped. Those of `_system` itself and before it is read: none. */
  entries(): readonly SchemaEntry[] {
    const { key, view } = this.#system();
    if (key === this.#key || !view.isOpen(SYSTEM_PARTITION)) return this.#entries;
    const partition = view.need(SYSTEM_PARTITION);
    if (this.#read.isCurrent(partition)) return this.#entries;
    const entries = Array.from(sortedNodes(view, partition, SCHEMA_LABEL), (node) => nodeAt(view, node))
      .filter(({ properties }) => properties.graph === this.#key)
      .map(entryOf)
      .filter((entry) => entry !== undefined)
      .sort((a, b) => compareText(a.name, b.name));
    if (JSON.stringify(entries) === JSON.stringify(this.#entries)) return this.#entries;
    this.#entries = entries;
    return entries;
  }

  /** What writes must keep; undefined if there is nothing. */
  constraints(): ConstraintSet | undefined {
    return ConstraintSet.of(this.entries());
  }

  /** Whether nodes of a label are found by a property. */
  hasIndex(label: string, property: string): boolean {
    return this.entries().some((entry) => indexes(entry, label, property));
  }

  find(name: string): SchemaEntry | undefined {
    return this.entries().find((entry) => entry.name === name);
  }

  /** What declares an entry in `_system`. @throws WeftError `schema-conflict`, definite */
  declaration(entry: SchemaEntry, since: number): Operation {
    const { kind, name, on, label, properties, types } = entry;
    if (this.find(name) !== undefined) {
      throw new WeftError('schema-conflict', `\`${name}\` is declared already`, { name });
    }
    const like = this.entries().find((held) => declaresSame(held, entry));
    if (like !== undefined) {
      throw new WeftError('schema-conflict', `\`${like.name}\` declares the same`, { name: like.name });
    }
    const more: { [name: string]: Value } = types === undefined ? {} : { types };
    return {
      op: 'putNode',
      id: this.#idOf(name),
      labels: [SCHEMA_LABEL],
      properties: { graph: this.#key, kind, name, on, label, properties, since, ...more },
    };
  }

  /** What takes it back. */
  dropping(name: string): Operation {
    return { op: 'deleteNode', id: this.#idOf(name), detach: true };
  }

  #idOf(name: string) {
    return nodeId(`schema:${this.#key}:${name}`);
  }
}

function entryOf({ properties }: Node): SchemaEntry | undefined {
  const { kind, name, on, label, properties: names, types, since } = properties;
  if (typeof kind !== 'string' || !KINDS.includes(kind) || typeof name !== 'string') return undefined;
  if ((on !== 'node' && on !== 'edge') || typeof label !== 'string') return undefined;
  if (names === undefined || !isList(names)) return undefined;
  return {
    kind: kind as SchemaEntry['kind'],
    name,
    on,
    label,
    properties: textsOf(names),
    ...(types !== undefined && isList(types) && { types: textsOf(types) }),
    ...(typeof since === 'number' && { since }),
  };
}

function textsOf(values: readonly Value[]): string[] {
  return values.filter((each) => typeof each === 'string');
}

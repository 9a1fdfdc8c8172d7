/** A plan as a table: its tree on the left, the one that produces the rows on top. */
import { textTable } from './result-table.ts';

/** As an answer to EXPLAIN or PROFILE has it; rows and time are there for PROFILE only. */
export interface PlanNode {
  readonly operator: string;
  readonly details: string;
  readonly estimatedRows?: number;
  readonly rows?: number;
  readonly timeMs?: number;
  readonly children: readonly PlanNode[];
}

interface Line {
  readonly indented: string;
  readonly node: PlanNode;
}

export function planTable(plan: PlanNode): string {
  const lines = linesOf(plan, 0);
  const isProfile = lines.some(({ node }) => node.rows !== undefined);
  const fields = ['operator', 'details', 'estimated rows', ...(isProfile ? ['rows', 'ms'] : [])];
  const rows = lines.map(({ indented, node: { details, estimatedRows, rows: counted, timeMs } }) => [
    indented,
    details,
    estimatedRows === undefined ? '' : String(Math.round(estimatedRows)),
    ...(isProfile ? [counted === undefined ? '' : String(counted), timeMs === undefined ? '' : timeMs.toFixed(1)] : []),
  ]);
  return textTable(fields, rows);
}

function linesOf(node: PlanNode, depth: number): Line[] {
  const line = { indented: `${'  '.repeat(depth)}${node.operator}`, node };
  return [line, ...node.children.flatMap((child) => linesOf(child, depth + 1))];
}

/** What a plan does to the graph. */
import type { BoundExpression } from './bound-expression.ts';
import type { CreateElement, Operator } from './operator.ts';

/** Whether somewhere in the plan something is written. */
export function writes(operator: Operator): boolean {
  switch (operator.kind) {
    case 'Create':
    case 'Merge':
    case 'SetItems':
    case 'Delete':
    case 'Foreach':
      return true;
    case 'Argument':
      return false;
    case 'Union':
      return operator.inputs.some(writes);
    default:
      return (
        writes(operator.input) ||
        ('inner' in operator && writes(operator.inner)) ||
        (operator.kind === 'HashJoin' && writes(operator.right))
      );
  }
}

/** Rows that a list of unknown length is expected to make, and that a limit of unknown size leaves. */
const UNWOUND_ROWS = 10;
const LIMITED_ROWS = 100;

/** Rows that a plan is expected to give. */
export function rowsOf(operator: Operator): number {
  if (operator.estimatedRows !== undefined) return operator.estimatedRows;
  switch (operator.kind) {
    case 'Argument':
      return 1;
    case 'Union':
      return operator.inputs.reduce((sum, input) => sum + rowsOf(input), 0);
    case 'Unwind':
      return rowsOf(operator.input) * UNWOUND_ROWS;
    case 'Apply':
    case 'OptionalApply':
      return rowsOf(operator.input) * Math.max(1, rowsOf(operator.inner));
    case 'Aggregate':
      return operator.keys.length === 0 ? 1 : Math.max(1, rowsOf(operator.input) / UNWOUND_ROWS);
    case 'Limit': {
      const { count } = operator;
      const limit = count.kind === 'literal' ? Number(count.value) : LIMITED_ROWS;
      return Math.min(rowsOf(operator.input), limit);
    }
    default:
      return rowsOf(operator.input);
  }
}

/** What an element is made from. */
export function expressionsOfElement(element: CreateElement): readonly (BoundExpression | undefined)[] {
  if (element.kind === 'node') return [element.properties, ...element.computed];
  return [element.properties, typeof element.type === 'string' ? undefined : element.type];
}

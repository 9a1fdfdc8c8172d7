/** What a plan does to the graph. */
import type { Operator } from './operator.ts';

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

/** Whether somewhere in the plan elements of the graph are looked for. */
export function readsGraph(operator: Operator): boolean {
  switch (operator.kind) {
    case 'AllNodesScan':
    case 'LabelScan':
    case 'IndexSeek':
    case 'NodeByIdSeek':
    case 'EdgeByIdSeek':
    case 'EdgeScan':
    case 'Expand':
    case 'VarLengthExpand':
    case 'ShortestPath':
    case 'Merge':
      return true;
    case 'Argument':
      return false;
    // What is below was read completely.
    case 'Eager':
      return false;
    case 'Union':
      return operator.inputs.some(readsGraph);
    default:
      return (
        readsGraph(operator.input) ||
        ('inner' in operator && readsGraph(operator.inner)) ||
        (operator.kind === 'HashJoin' && readsGraph(operator.right))
      );
  }
}

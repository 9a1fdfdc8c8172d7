/** What works on whole batches of packed columns: a part (`../parts.ts`). Without it, rows are asked one after the other. */
export { PackedGroups } from './packed-groups.ts';
export { PackedInput } from './packed-input.ts';
export { compileSelect } from './select.ts';
export { SelectOperator } from './select-operator.ts';

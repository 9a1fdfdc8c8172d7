/** What statements need that write: a part (`../parts.ts`). */
export { CreateOperator } from '../operators/create.ts';
export { DeleteOperator } from '../operators/delete.ts';
export { EagerOperator } from '../operators/eager.ts';
export { ForeachOperator } from '../operators/foreach.ts';
export { MergeOperator } from '../operators/merge.ts';
export { SetItemsOperator } from '../operators/set-items.ts';
export { insertEager } from '../plan/insert-eager.ts';
export { GraphOverlay } from './graph-overlay.ts';

/** Paths of any length: a part (`../parts.ts`). */
export { ShortestPathOperator } from './shortest-path.ts';
export { VarLengthExpandOperator } from './var-length-expand.ts';

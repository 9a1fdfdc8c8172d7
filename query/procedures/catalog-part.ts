/** Statements and procedures about what there is and what is declared, and what there is not: a part (`../parts.ts`). */
export { declareSchema, dropSchema } from '../execution/schema-statements.ts';
export { ProcedureCallOperator } from '../operators/procedure-call.ts';
export { hintAt } from '../syntax/hints.ts';
export { parseSchemaStatement } from '../syntax/schema-parser.ts';
export { BUILT_IN_PROCEDURES as procedures } from './built-in.ts';
export { elsewhere } from './elsewhere.ts';

/** What the refusal of a write tells of the rest of a graph to who may not see all of it. */
import { WeftError } from '../../base/errors.ts';

/**
 * The error without how much the graph holds or how many edges a node has, and without the ids of others.
 * @param knows whether he may see the element of an id, or named it himself
 */
export function toldOf(error: WeftError, knows: (id: string) => boolean): WeftError {
  const { code, context } = error;
  if (code === 'quota-exceeded' && context.scope === undefined) {
    const { used: _, ...told } = context;
    return new WeftError(code, `quota \`${context.limit}\` allows the graph no more`, told, error);
  }
  if (code === 'node-has-edges') {
    const { edges: _, ...told } = context;
    return new WeftError(code, `node \`${String(context.id)}\` has edges`, told, error);
  }
  if (code !== 'constraint-violated') return error;
  const ids = context.ids as readonly string[];
  const told = ids.filter(knows);
  if (told.length === ids.length) return error;
  const detail = `constraint \`${context.constraint}\`: somebody else has this key`;
  return new WeftError(code, detail, { ...context, ids: told }, error);
}

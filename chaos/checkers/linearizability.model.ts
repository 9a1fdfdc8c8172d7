/**
 * Linearizability as it is defined, for histories of a few calls: tries every order of everything that must have taken
 * effect with every choice of what may have. Slow and plain; `linearizability.ts` must always agree with it.
 */
import { type Call, forceOf, latestMs } from './call.ts';
import { type RegisterOperation, type RegisterState, step } from './register.ts';

type RegisterCall = Call<RegisterOperation>;

/** @param calls of one key */
export function isLinearizable(calls: readonly RegisterCall[], state: RegisterState): boolean {
  if (calls.every((call) => forceOf(call) !== 'must')) return true;
  return calls.some((call) => {
    const rest = calls.filter((other) => other !== call);
    // Whatever had ended before this one was called comes before it.
    if (forceOf(call) === 'never' || rest.some((other) => latestMs(other) < call.invokedMs)) return false;
    const after = step(state, forceOf(call) === 'must' ? call.operation : unanswered(call.operation));
    return after !== undefined && isLinearizable(rest, after);
  });
}

/** What was asked, without what an answer that nobody got might have said. */
function unanswered(operation: RegisterOperation): RegisterOperation {
  const {
    version: _version,
    applied: _applied,
    existed: _existed,
    result: _result,
    ...asked
  } = {
    version: undefined,
    applied: undefined,
    existed: undefined,
    result: undefined,
    ...operation,
  };
  return asked as RegisterOperation;
}

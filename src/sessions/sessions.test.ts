import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { replicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { toUtf8 } from '../../base/text.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import { Progress } from '../commits/progress.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { memberOf, put, run, turns, WriteGate, watched } from '../engine-on-disk.model.ts';
import { testEnv } from '../test-env.model.ts';
import { SessionTokens } from './session-token.ts';
import { Sessions } from './sessions.ts';

const [mine, yours] = [replicaId(1), replicaId(2)];
const vector = (...entries: readonly (readonly [number, number])[]): VersionVector =>
  new Map(entries.map(([origin, seq]) => [replicaId(origin), seq] as const));

function sessions({ bug }: { readonly bug?: PlantedBug } = {}) {
  const env = testEnv();
  const progress = new Progress(vector([1, 5], [2, 5]), new Map());
  const tokens = new SessionTokens(toUtf8('secret'));
  const bugs = new Set(bug === undefined ? [] : [bug]);
  const { scheduler } = env;
  return { env, progress, tokens, sessions: new Sessions({ progress, tokens, scheduler, replica: mine, bugs }) };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => (error instanceof WeftError ? error : undefined),
  );

describe('sessions', () => {
  it('a token of what is not here yet -> waits until all of it is, in whatever steps', async () => {
    const { sessions: held, progress, tokens } = sessions();
    const wait = held.reach([tokens.encode(vector([2, 6])), tokens.encode(vector([3, 1]))]);
    const state = watched(wait);
    progress.advance(yours, 6);
    held.moved();
    await turns(1);
    expect(state.settled).toBe(false);
    progress.advance(replicaId(3), 1);
    held.moved();
    await wait;
  });

  it('not here in time -> session-not-reached with only what is missing, and Retry-After', async () => {
    const { sessions: held, tokens, env } = sessions();
    const failed = failure(held.reach([tokens.encode(vector([1, 5], [2, 9], [3, 1]))]));
    env.advance(LIMITS.sessionWaitMs - 1);
    await turns(1);
    env.advance(1);
    const error = await failed;
    expect(error?.code).toBe('session-not-reached');
    expect(error?.context).toEqual({ wanted: { 2: 9, 3: 1 }, held: { 2: 5, 3: 0 }, retryAfterSeconds: 1 });
  });

  it('a token of a stream that ended here -> covered', async () => {
    const { sessions: held, progress, tokens } = sessions();
    const token = tokens.encode(vector([2, 5]));
    progress.retire(yours);
    await held.reach([token]);
    expect(tokens.decode(held.token([token]))).toEqual(vector([1, 5]));
  });

  it('presented tokens ahead of this server -> its answer covers them too', () => {
    const { sessions: held, tokens } = sessions();
    const answer = held.token([tokens.encode(vector([1, 2], [2, 9])), tokens.encode(vector([3, 4]))]);
    expect(tokens.decode(answer)).toEqual(vector([1, 5], [2, 9], [3, 4]));
  });

  it('more waiters than allowed -> too-many-requests for those beyond, the others go on', async () => {
    const { sessions: held, progress, tokens } = sessions();
    const ahead = [tokens.encode(vector([2, 6]))];
    const waiting = Array.from({ length: LIMITS.sessionWaitersMax }, () => held.reach(ahead));
    expect((await failure(held.reach(ahead)))?.code).toBe('too-many-requests');
    progress.advance(yours, 6);
    held.moved();
    await Promise.all(waiting);
  });

  it('as many clients wait as may -> a strong operation waits all the same, and goes on when what it needs is here', async () => {
    const { sessions: held, progress, tokens } = sessions();
    const ahead = [tokens.encode(vector([2, 7]))];
    const waiting = Array.from({ length: LIMITS.sessionWaitersMax }, () => held.reach(ahead));
    const covered = held.whenCovered(vector([2, 6]), LIMITS.strongWaitMs);
    progress.advance(yours, 6);
    held.moved();
    expect(await covered).toBe(true);
    expect((await failure(held.reach(ahead)))?.code).toBe('too-many-requests');
    progress.advance(yours, 7);
    held.moved();
    await Promise.all(waiting);
    const again = held.reach([tokens.encode(vector([2, 8]))]);
    progress.advance(yours, 8);
    held.moved();
    await again;
  });

  it('strong operations that wait -> take no room from clients', async () => {
    const { sessions: held, progress, tokens } = sessions();
    const strong = Array.from({ length: LIMITS.sessionWaitersMax }, () =>
      held.whenCovered(vector([2, 6]), LIMITS.strongWaitMs),
    );
    const waiting = held.reach([tokens.encode(vector([2, 6]))]);
    progress.advance(yours, 6);
    held.moved();
    await waiting;
    expect(new Set(await Promise.all(strong))).toEqual(new Set([true]));
  });

  it('a forged token [planted: no wait] -> still refused', async () => {
    const { sessions: held } = sessions({ bug: 'no-session-wait' });
    expect((await failure(held.reach(['forged'])))?.code).toBe('invalid-session-token');
  });
});

describe('sessions of an engine', () => {
  it('a write -> its token is new, and covers it at once', async () => {
    const { engine, graph } = await run();
    const before = engine.sessionToken();
    await graph.write([put('a')]);
    const after = engine.sessionToken();
    expect(after).not.toBe(before);
    expect(engine.sessionToken([before])).toBe(after);
    await engine.reachSession([before, after]);
  });

  it('a commit that is not durable -> no token covers it', async () => {
    const gate = new WriteGate();
    const { engine, graph } = await run({ beforeWrite: gate.beforeWrite });
    const before = engine.sessionToken();
    gate.close();
    const held = gate.arrival();
    const written = graph.write([put('a')]);
    await held;
    expect(engine.sessionToken()).toBe(before);
    gate.open();
    await written;
    expect(engine.sessionToken()).not.toBe(before);
  });

  it('a restart without a cluster secret -> tokens go on', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([put('a')]);
    const token = first.engine.sessionToken();
    disk.kill();
    const { engine } = await run({ disk });
    await engine.reachSession([token]);
  });

  it('a token of another server of the cluster -> understood; the server stops meanwhile -> told so', async () => {
    const { engine } = await run({ cluster: memberOf() });
    const other = await run({ cluster: memberOf() });
    await other.graph.write([put('a')]);
    const waiting = failure(engine.reachSession([other.engine.sessionToken()]));
    await engine.close();
    expect((await waiting)?.code).toBe('shutting-down');
  });

  it('a token of a server that stands alone -> invalid-session-token at another one', async () => {
    const [{ engine }, other] = [await run(), await run()];
    await other.graph.write([put('a')]);
    expect((await failure(engine.reachSession([other.engine.sessionToken()])))?.code).toBe('invalid-session-token');
  });
});

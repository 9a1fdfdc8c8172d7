import { expect, test } from 'vitest';
import type { Engine, Graph } from '../src/engine-port.ts';
import { unlimitedPrincipal } from './access/principal.ts';
import { QueryCall } from './query-call.ts';
import { RunningQueries } from './running-queries.ts';

/** It has no outcomes to remember. */
const ENGINE = { once: (_key: string, _text: string, run: () => unknown) => run() } as unknown as Engine;
const STATEMENTS = [{ text: 'CREATE (:N)', parameters: {} }];

test.each<[string, boolean, (call: QueryCall) => unknown]>([
  ['one statement', false, (call) => call.readWhole()],
  ['several', true, (call) => call.readWhole()],
  ['with a key', false, (call) => call.readOnce(ENGINE, 'k')],
  ['streamed', false, (call) => call.begin()],
])('as many run as may: %s -> refused before anything of it begins', async (_what, isList, ask) => {
  const begun: string[] = [];
  const run = (name: string) => async () => void begun.push(name);
  const graph = {
    description: { name: 'g' },
    key: 'g-1',
    query: run('query'),
    queryRows: run('queryRows'),
    transaction: run('transaction'),
    transactionOnce: run('transactionOnce'),
  } as unknown as Graph;
  const principal = unlimitedPrincipal('ann');
  const running = new RunningQueries({ wallMs: () => 0, monotonicMs: () => 0 }, { perPrincipal: 1 });
  running.begin('g', principal, 'RETURN 1');
  const limits = { timeoutMs: undefined, rowsMax: undefined };
  const request = { statements: STATEMENTS, isList, accessMode: 'write' as const, bookmarks: [], ...limits };
  const call = new QueryCall(graph, request, { principal, running, permit: () => undefined });
  await expect(async () => ask(call)).rejects.toMatchObject({ code: 'too-many-requests' });
  expect(begun).toEqual([]);
});

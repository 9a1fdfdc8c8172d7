/** What the coordinator of a graph decides on the engine of its server, without any other: batches, keys, commits. */
import { describe, expect, test } from 'vitest';
import { graphName } from '../../base/ids.ts';
import { decodeResults, encodeOperations } from '../../crdt/operation-codec.ts';
import type { Operation } from '../../graph/model.ts';
import { encodeSchemaChange } from '../constraints/schema-change.ts';
import { contents, edge, increment, node, put, type Running, remove, run } from '../engine-on-disk.model.ts';
import type { IdempotencyKey } from '../engine-port.ts';
import type { Decision } from './coordination.ts';
import { refusalFrom } from './failures.ts';
import { decodeOutcome, outcomeOperations } from './outcome.ts';
import type { StrongOperations } from './strong-operations.ts';

const KEY: IdempotencyKey = { key: 'k', fingerprint: 'f' };
const OTHER: IdempotencyKey = { key: 'k', fingerprint: 'of another request' };

const write = (operations: readonly Operation[], key?: IdempotencyKey, outcome?: string) => {
  return { operations: encodeOperations(operations), key, ...(outcome !== undefined && { outcome }) };
};

async function started(): Promise<Running> {
  const running = await run();
  running.engine.attachStrong({ close: () => undefined } as unknown as StrongOperations);
  return running;
}

/** In few words: ids of what was done, or the code of the refusal and where it was. */
function said(decision: Decision | undefined): unknown {
  if (decision?.kind === 'written') {
    const ids = decodeResults(decision.results).map(({ id }) => id);
    return decision.replayed ? ['again', ...ids] : ids;
  }
  const { code, context } = refusalFrom(decision?.error ?? '');
  return 'operation' in context ? `${code} at ${context.operation}` : code;
}

describe('a batch of writes', () => {
  test('each sees those before it, one that fails leaves nothing; nothing is shown before it is committed', async () => {
    const { engine, graph } = await started();
    await graph.write([node('n', { count: 1 })]);
    const { decisions, patches } = await engine.strongHost.decide('default', [
      write([node('a'), increment('n', 'count')]),
      write([node('b'), edge('e', 'b', 'no'), node('never')]),
      write([node('a')]),
      write([edge('f', 'a', 'n')]),
      write([increment('n', 'count', 10)]),
      write([edge('g', 'b', 'a')]),
    ]);
    expect(decisions.map(said)).toEqual([
      ['a', 'n'],
      'endpoint-missing at 1',
      'node-exists',
      ['f'],
      ['n'],
      'endpoint-missing',
    ]);
    const [first, , , , last] = decisions as readonly { readonly results?: string }[];
    expect(decodeResults(first?.results ?? '')[1]).toMatchObject({
      created: false,
      element: { properties: { count: 2 } },
    });
    expect(decodeResults(last?.results ?? '')[0]).toMatchObject({ element: { properties: { count: 12 } } });
    expect((await contents(graph)).nodes.map(({ id }) => id)).toEqual(['n']);
    await engine.strongHost.commit(patches);
    const { nodes, edges } = await contents(graph);
    expect(nodes.map(({ id, properties }) => [id, properties])).toEqual([
      ['a', {}],
      ['n', { count: 12 }],
    ]);
    expect(edges.map(({ id }) => id)).toEqual(['f']);
  });

  test('the graph is gone -> all are told', async () => {
    const { engine } = await started();
    const { decisions, patches } = await engine.strongHost.decide('no-such-graph', [write([node('a')]), write([])]);
    expect(decisions.map(said)).toEqual(['graph-not-found', 'graph-not-found']);
    expect(patches).toEqual([]);
  });

  test('a change of the schema -> decided by itself; from then on writes keep it, at once within a batch', async () => {
    const { engine, graph } = await started();
    const { strongHost } = engine;
    const entry = { kind: 'unique', name: 'one', on: 'node', label: 'L', properties: ['p'] };
    const change = encodeSchemaChange({ op: 'declare', entry } as never);
    const declared = await strongHost.decide('default', [{ operations: change, key: undefined }]);
    expect(declared.decisions.map(said)).toEqual([[]]);
    await strongHost.commit(declared.patches);
    const { decisions, patches } = await strongHost.decide('default', [
      write([node('a', { p: 1 }, ['L'])]),
      write([node('b', { p: 1 }, ['L'])]),
      write([node('c', { p: 2 }, ['L']), put('a', { p: 3 }, ['L'])]),
      write([node('d', { p: 1 }, ['L'])]),
    ]);
    expect(decisions.map(said)).toEqual([['a'], expect.stringContaining('constraint-violated'), ['c', 'a'], ['d']]);
    await strongHost.commit(patches);
    expect((await contents(graph)).nodes.map(({ id }) => id)).toEqual(['a', 'c', 'd']);
  });
});

describe('a write with a key', () => {
  test('twice in a batch -> decided once; with another request -> refused, whatever the first came to', async () => {
    for (const isGood of [true, false]) {
      const { engine, graph } = await started();
      const operations = isGood ? [node('a')] : [remove('no')];
      const { decisions, patches } = await engine.strongHost.decide('default', [
        write(operations, KEY),
        write([node('b')]),
        write(operations, KEY),
        write([node('c')], OTHER),
      ]);
      const first = isGood ? [['a'], ['again', 'a']] : ['node-not-found', 'node-not-found'];
      expect(decisions.map(said)).toEqual([first[0], ['b'], first[1], 'idempotency-key-reused']);
      await engine.strongHost.commit(patches);
      expect((await contents(graph)).nodes.map(({ id }) => id)).toEqual(isGood ? ['a', 'b'] : ['b']);
    }
  });

  test('again after its commit -> what it came to, also if it was refused; what is to be kept is kept in place of the results', async () => {
    const { engine } = await started();
    const { strongHost } = engine;
    const refused: IdempotencyKey = { key: 'refused', fingerprint: 'f' };
    const kept: IdempotencyKey = { key: 'kept', fingerprint: 'f' };
    const all = [write([node('a')], KEY), write([remove('no')], refused), write([node('b')], kept, 'an answer')];
    expect(await strongHost.remembered('default', KEY)).toBeUndefined();
    await strongHost.commit((await strongHost.decide('default', all)).patches);
    const [one, two] = all as [Parameters<typeof strongHost.decide>[1][number], (typeof all)[number]];
    const again = await strongHost.decide('default', [
      one,
      two,
      write([node('b')], kept, 'another answer'),
      write([node('c')], OTHER),
    ]);
    const [first, second, third, fourth] = again.decisions;
    expect([first, second, fourth].map(said)).toEqual([['again', 'a'], 'node-not-found', 'idempotency-key-reused']);
    expect(third).toEqual({ kind: 'written', results: 'an answer', replayed: true });
    // Nothing is written again, not even what is kept.
    expect(again.patches).toEqual([]);
    expect(said(await strongHost.remembered('default', KEY))).toEqual(['again', 'a']);
    // Of another graph nothing is known.
    expect(await strongHost.remembered('other', KEY)).toBeUndefined();
  });

  test('an answer longer than a patch beside others -> each is decided, kept, and found again', async () => {
    const { engine, graph } = await started();
    const { strongHost } = engine;
    const long: IdempotencyKey = { key: 'long', fingerprint: 'f' };
    // As JSON within JSON these take four characters each, and a piece may end within a pair of surrogates.
    const text = '"\u{1f333}'.repeat(150_000);
    const requests = [write([node('n', { text }), increment('n', 'count')], long), write([node('m')], KEY)];
    const { decisions, patches } = await strongHost.decide('default', requests);
    expect(decisions.map(said)).toEqual([['n', 'n'], ['m']]);
    await strongHost.commit(patches);
    expect((await contents(graph)).nodes.map(({ id }) => id)).toEqual(['m', 'n']);
    const [first] = decisions;
    expect(await strongHost.remembered('default', long)).toEqual({ ...first, replayed: true });
    expect(said(await strongHost.remembered('default', KEY))).toEqual(['again', 'm']);
  });

  test('an answer longer than can be kept -> that write is refused, those beside it are done', async () => {
    const { engine } = await started();
    const text = 'x'.repeat(900_000);
    const many = Array.from({ length: 40 }, () => increment('n', 'count'));
    const requests = [write([node('n', { text }), ...many]), write([node('m')])];
    const { decisions } = await engine.strongHost.decide('default', requests);
    expect(decisions.map(said)).toEqual(['payload-too-large', ['m']]);
  });

  test('what is kept is damaged, or of another request -> refused, never taken for an answer', () => {
    const decision = { kind: 'written', results: '[]', replayed: false } as const;
    const kept = (of: Decision) =>
      (outcomeOperations('default', KEY, of, 5)[0] as Extract<Operation, { op: 'putNode' }>).properties;
    const properties = kept(decision);
    const held = (over: object, key = KEY) => decodeOutcome({ properties: { ...properties, ...over } } as never, key);
    expect(held({})).toEqual({ kind: 'written', results: '[]', replayed: true });
    expect(said(held({}, OTHER))).toBe('idempotency-key-reused');
    expect(said(held({ answer: 5 }))).toBe('internal');
    expect(said(held({ pieces: 2, piece0: '[]' }))).toBe('internal');
    expect(said(decodeOutcome({ properties: kept(held({}, OTHER)) } as never, KEY))).toBe('idempotency-key-reused');
  });
});

describe('a commit', () => {
  test('a state is taken over meanwhile -> it is refused, and nothing is written', async () => {
    const { engine, graph } = await started();
    const { patches } = await engine.strongHost.decide('default', [write([node('a')])]);
    await engine.replica.beginAdoption();
    await expect(engine.strongHost.commit(patches)).rejects.toMatchObject({ code: 'replica-recovering' });
    engine.replica.cancelAdoption();
    expect((await contents(graph)).nodes).toEqual([]);
  });

  test('patches of two graphs -> one commit, at the position that it says; of a graph that is gone -> left out', async () => {
    const { engine, graph } = await started();
    const { strongHost } = engine;
    await engine.createGraph(graphName('other'), {});
    const [mine, theirs] = await Promise.all(
      ['default', engine.graph(graphName('other')).description.name].map((name) =>
        strongHost.decide(keyOf(engine, name), [write([node('a')])]),
      ),
    );
    const before = engine.replica.vector.get(engine.replica.replicaId) ?? 0;
    const gone = { graphKey: 'gone', partition: '0' as never, text: mine?.patches[0]?.text ?? '' };
    const [origin, seq] = await strongHost.commit([...(mine?.patches ?? []), gone, ...(theirs?.patches ?? [])]);
    expect([origin, seq]).toEqual([engine.replica.replicaId, before + 1]);
    expect((await graph.counts()).nodes).toBe(1);
    expect((await engine.graph(graphName('other')).counts()).nodes).toBe(1);
  });

  test('none -> nothing is written', async () => {
    const { engine } = await started();
    const before = engine.replica.vector;
    await engine.strongHost.commit([]);
    expect(engine.replica.vector).toBe(before);
  });
});

/** Storage name of a graph. */
function keyOf(engine: Running['engine'], name: string): string {
  return (engine.graph(graphName(name)) as unknown as { resident: { key: string } }).resident.key;
}

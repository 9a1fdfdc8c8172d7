/**
 * What strangers can send to a server, and what must come of it: an answer, or an error that the table knows. Anything else, a
 * broken invariant, a type error, a 500, is a finding.
 */

import { openTestServer, type TestServer } from '../../api/server.model.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import { checkState, checkUpdate } from '../../crdt/foreign-update.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import type { Patch } from '../../crdt/patch.ts';
import { decodePatch, encodePatch } from '../../crdt/patch-codec.ts';
import { QueryError } from '../../query/query-error.ts';
import { parseStatement } from '../../query/syntax/parse-statement.ts';
import { commitsFrame, decodeFrame, encodeCommit, encodeFrame } from '../../src/replication/frame-codec.ts';
import { SessionTokens } from '../../src/sessions/session-token.ts';
import { mutateBytes, mutateText } from './mutate.ts';

export interface Target {
  readonly name: string;
  /** Throws what must not be thrown. */
  once(random: SeededRandom): Promise<void> | void;
  /** What the last input was, in words that make it again. */
  input(): string;
  close?(): Promise<void>;
}

const REPLICA = 7 as ReplicaId;
const STATEMENTS = [
  'MATCH (a:Person {name: $name})-[r:KNOWS*1..3]->(b) WHERE a.age > 3 AND NOT b.x IN [1, 2.5] RETURN a, collect(b.name) AS n ORDER BY n',
  'UNWIND range(1, 10) AS i WITH i, CASE WHEN i % 2 = 0 THEN "e" ELSE \'o\' END AS k RETURN k, count(*) SKIP 1 LIMIT 5',
  'MERGE (n:Counter {id: 1}) ON CREATE SET n.c = 0 ON MATCH SET n.c = n.c + 1 RETURN n.c',
  'CREATE (a {m: {k: [null, true, -1.5e3]}})-[:T {w: 1}]->(b:`odd name`) WITH * OPTIONAL MATCH (c) RETURN [x IN [1,2] WHERE x > 1 | x]',
  'CALL { MATCH (n) RETURN n LIMIT 1 } RETURN exists { (n)--() } AS e, n {.*, y: 1}',
];
const BODIES = [
  '{"operations":[{"op":"createNode","id":"a","labels":["L"],"properties":{"x":1,"y":[1,2.0,"t",null]}},{"op":"createEdge","type":"T","from":"a","to":"a"}]}',
  '{"operations":[{"op":"patchNode","id":"a","properties":{"x":{"$inc":1},"s":{"$add":["m"]},"d":{"$type":"Date","_value":"2026-01-31"}}}]}',
  '{"operations":[{"op":"putNode","id":"b","properties":{"p":{"$type":"Point","_value":"SRID=4326;POINT (8.5 47.4)"}}},{"op":"deleteNode","id":"a","detach":true}]}',
];
const LINES = [
  '{"type":"node","id":"n1","labels":["A"],"properties":{"x":1,"when":{"$type":"Duration","_value":"P1DT2H"}}}',
  '{"type":"relationship","id":"r1","label":"KNOWS","properties":{},"start":{"id":"n1"},"end":{"id":"n1"}}',
].join('\n');

/** Runs something that may refuse its input; only errors of the table are refusals. */
function refusing(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    const isRefusal = error instanceof QueryError || (error instanceof WeftError && error.code !== 'internal');
    if (!isRefusal) throw error;
  }
}

function simple<Input>(
  name: string,
  make: (random: SeededRandom) => Input,
  run: (input: Input) => unknown,
  show: (input: Input) => string,
): Target {
  let last: Input;
  return {
    name,
    once(random) {
      last = make(random);
      refusing(() => run(last));
    },
    input: () => show(last),
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function patchOf(random: SeededRandom): Patch {
  const stamp = { clock: 1_000 + random.below(1_000), replica: REPLICA };
  const id = `n${random.below(9)}`;
  const properties = { name: 'x', count: random.below(99), list: [1, 'a', null] };
  return { kind: 'node-create', id, stamp, labels: ['L'], properties } as unknown as Patch;
}

function frames(random: SeededRandom): Uint8Array {
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  const part = { graphKey: 'default', partition: '7' as PartitionId, update: bytes(30) };
  const commit = {
    origin: REPLICA,
    seq: 1 + random.below(300),
    clock: 2 ** 40 + random.below(9),
    parts: [part],
    locators: [],
    after: [[REPLICA, 5]] as [ReplicaId, number][],
  };
  const vector = new Map([[REPLICA, random.below(1_000)]]);
  const frame = random.below(3);
  if (frame === 0) return commitsFrame([encodeCommit(commit), encodeCommit(commit)]);
  if (frame === 1) return encodeFrame({ kind: 'acknowledge', entries: vector });
  return encodeFrame({ kind: 'proof', mac: bytes(32) });
}

/** An update as a server of the cluster makes it. */
function updates(random: SeededRandom): Uint8Array {
  const document = PartitionDocument.hydrate('fuzz', REPLICA, []);
  return document.append(Array.from({ length: 1 + random.below(5) }, () => encodePatch(patchOf(random))));
}

/** What comes in over HTTP; the server must go on serving, with the same invariants, whatever it was sent. */
async function overHttp(): Promise<Target> {
  const server: TestServer = await openTestServer();
  let last = '';
  const send = async (method: 'POST' | 'PATCH', url: string, body: string, type = 'application/json') => {
    last = `${method} ${url} ${JSON.stringify(body)}`;
    const { status, text } = await server.call(method, url, body, { 'content-type': type });
    if (status >= 500) throw new Error(`${status} ${text}`);
    const [bug] = server.bugs;
    if (bug !== undefined) throw bug;
  };
  const graph = '/v1/graphs/default';
  return {
    name: 'http',
    async once(random) {
      const kind = random.below(4);
      if (kind === 0) await send('POST', `${graph}/batch`, mutateText(random, random.pick(BODIES)));
      else if (kind === 1) await send('POST', `${graph}/import`, mutateText(random, LINES), 'application/x-ndjson');
      else if (kind === 2) {
        const statement = mutateText(random, random.pick(STATEMENTS));
        const body = { statement, parameters: { name: 'x' }, timeoutMs: 2_000, maxRows: 100 };
        await send('POST', `${graph}/query`, JSON.stringify(body));
      } else
        await send(
          'PATCH',
          `${graph}/nodes/a`,
          mutateText(random, '{"labels":{"add":["X"]},"properties":{"x":{"$inc":1}}}'),
        );
    },
    input: () => last,
    close: () => server.close(),
  };
}

export async function buildTargets(): Promise<Target[]> {
  const tokens = new SessionTokens(Uint8Array.from([1, 2, 3]));
  const token = tokens.encode(new Map([[REPLICA, 300]]));
  return [
    simple('frames', (random) => mutateBytes(random, frames(random)), decodeFrame, hex),
    simple(
      'updates',
      (random) => mutateBytes(random, updates(random)),
      (input) => checkUpdate(input, REPLICA),
      hex,
    ),
    simple('states', (random) => mutateBytes(random, updates(random)), checkState, hex),
    simple('patches', (random) => mutateText(random, encodePatch(patchOf(random))), decodePatch, JSON.stringify),
    simple('cypher', (random) => mutateText(random, random.pick(STATEMENTS)), parseStatement, JSON.stringify),
    simple(
      'tokens',
      (random) => mutateText(random, token),
      (input) => {
        tokens.decode(input);
        if (input !== token) throw new Error('a token that was changed is accepted');
      },
      JSON.stringify,
    ),
    await overHttp(),
  ];
}

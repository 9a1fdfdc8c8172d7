/**
 * A statement is the same whichever way it comes: plain and typed JSON, JSON Lines and MessagePack over HTTP, and the session
 * channel, whole and streamed, give the same columns, rows and counters, or the same problem, at every level.
 */

import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomGraph } from '../query/random-graph.model.ts';
import { literalForm, parameterForm, randomStatement } from '../query/random-statement.model.ts';
import { type ChannelServer, type Frame, openChannelServer } from './memory-socket.model.ts';

let server: ChannelServer;
beforeAll(async () => {
  server = await openChannelServer();
  for (const way of WAYS) {
    await server.call('PUT', `/v1/graphs/${way.name}`, { partitions: 2 });
    await fill(way.name);
  }
});
afterAll(() => server.close());

const TYPED = 'application/vnd.neo4j.query';
const MSGPACK = 'application/vnd.msgpack';

interface Asked {
  readonly statement: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly level: string;
  readonly accessMode: 'READ' | 'WRITE';
  readonly maxRows: number | undefined;
}

/** What must be the same. */
interface Said {
  readonly fields?: unknown;
  /** Sorted; lists as lists, everything else as plain JSON has it. */
  readonly rows?: readonly string[];
  /** Undefined if nothing changed: a channel leaves them out then. */
  readonly counters?: unknown;
  readonly problem?: object;
}

interface Way {
  /** Of the graph that only this way is tried on. */
  readonly name: string;
  ask(asked: Asked): Promise<Said>;
}

const WAYS: readonly Way[] = [
  overHttp('plain', {}, ({ json }) => json),
  overHttp('typed', { accept: TYPED, 'content-type': TYPED }, ({ json }) => json),
  overHttp('msgpack', { accept: MSGPACK }, ({ bytes }) => decode(bytes, { useBigInt64: true })),
  overHttp('lines', { accept: 'application/jsonl' }, ({ text }) => ofEvents(text)),
  { name: 'channel', ask: (asked) => overChannel('channel', asked, false) },
  { name: 'stream', ask: (asked) => overChannel('stream', asked, true) },
];

async function fill(graph: string): Promise<void> {
  const { status } = await server.call('POST', `/v1/graphs/${graph}/batch`, { operations: randomGraph() });
  expect(status).toBe(200);
}

async function refill(graph: string): Promise<void> {
  const statement = 'MATCH (n) DETACH DELETE n';
  expect((await server.call('POST', `/v1/graphs/${graph}/query`, { statement })).status).toBe(200);
  await fill(graph);
}

type Answer = Awaited<ReturnType<ChannelServer['call']>>;

function overHttp(name: string, headers: Readonly<Record<string, string>>, bodyOf: (answer: Answer) => Frame): Way {
  return {
    name,
    async ask({ level, parameters, ...more }) {
      const sent = name === 'typed' ? typedParameters(parameters) : parameters;
      const body = JSON.stringify({ ...more, parameters: sent });
      const url = `/v1/graphs/${name}/query`;
      const all = { 'content-type': 'application/json', ...headers, 'consistency-level': level };
      const answer = await server.call('POST', url, body, all);
      if (answer.status >= 400) return problem(name === 'msgpack' ? decode(answer.bytes) : answer.json);
      return said(bodyOf(answer));
    },
  };
}

async function overChannel(graph: string, { level, ...body }: Asked, streams: boolean): Promise<Said> {
  const channel = server.open(graph);
  channel.ask({ id: 1, op: 'query', body, consistency: level, ...(streams && { stream: true }) });
  const frames: Frame[] = [];
  for (;;) {
    const frame = await channel.next();
    frames.push(frame);
    if (frame.status !== undefined || frame.error !== undefined) break;
  }
  channel.drop();
  const last = frames.at(-1);
  if (last.error !== undefined) return problem(last.error);
  if (!streams) return said(last.body);
  const fields = frames.find((frame) => frame.fields !== undefined)?.fields;
  const values = frames.flatMap((frame) => frame.rows ?? []);
  return said({ data: { fields, values }, counters: last.body?.counters ?? last.counters });
}

function typedParameters(parameters: Asked['parameters']): object {
  const entries = Object.entries(parameters).map(([name, value]) => [name, { $type: 'Integer', _value: `${value}` }]);
  return Object.fromEntries(entries);
}

function ofEvents(text: string): Frame {
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const last = events.at(-1);
  if (last.$event === 'Error') return { problem: last._body[0] };
  const values = events.filter(({ $event }) => $event === 'Record').map(({ _body }) => _body);
  return { data: { fields: events[0]._body.fields, values }, counters: last._body.counters };
}

function said({ data, counters, problem: found }: Frame): Said {
  if (found !== undefined) return problem(found);
  const rows = data.values.map((row: readonly unknown[]) => JSON.stringify(row.map(untyped))).sort();
  return { fields: data.fields, rows, counters: counters?.containsUpdates === true ? counters : undefined };
}

function untyped(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(untyped);
  if (typeof value !== 'object' || value === null || !('$type' in value)) return value;
  const { $type, _value } = value as { readonly $type: string; readonly _value: unknown };
  return $type === 'Integer' ? Number(_value) : untyped(_value);
}

/** All of a problem but what names the one request; an event of JSON Lines says `detail` again, as Neo4j has it. */
function problem({ traceId, message, ...rest }: Frame): Said {
  return { problem: rest };
}

const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const ASKED = fc
  .record({
    statement: randomStatement(),
    hasParameters: fc.boolean(),
    level: fc.constantFrom('eventual', 'session', 'session', 'strong'),
    accessMode: fc.constantFrom('WRITE' as const, 'WRITE' as const, 'READ' as const),
    maxRows: seldom(fc.integer({ min: 1, max: 20 })),
    /** Where the text is cut off, and what cannot be then. */
    cut: seldom(fc.double({ min: 0.1, max: 1, noNaN: true })),
    lacksParameter: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ statement, hasParameters, cut, lacksParameter, ...more }): Asked => {
    const { text, parameters } = hasParameters
      ? parameterForm(statement)
      : { text: literalForm(statement), parameters: {} };
    const kept = Object.entries(parameters).slice(lacksParameter === 0 ? 1 : 0);
    const part = cut === undefined ? text : text.slice(0, Math.round(text.length * cut));
    return { ...more, statement: part, parameters: Object.fromEntries(kept) };
  });

/** One that writes and two that are refused, so that a short run has them too. */
const SURE = ['MATCH (n:A) CREATE (:New {v: n.x}) RETURN n.x AS u', 'MATCH (n RETURN n', 'RETURN 1 / 0 AS u'].map(
  (statement): Asked => ({ statement, parameters: {}, level: 'session', accessMode: 'WRITE', maxRows: undefined }),
);

const ROUNDS = Number(process.env.WEFT_ROUNDS ?? 24);

test('ways to ask: random statements, right and wrong -> one answer, whichever way', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(ASKED, async (asked) => {
      const answers = await Promise.all(WAYS.map((way) => way.ask(asked)));
      const [first] = answers as [Said];
      WAYS.forEach((way, i) => void expect({ [way.name]: answers[i] }).toEqual({ [way.name]: first }));
      if (first.problem === undefined) answered++;
      if (first.counters === undefined) return;
      await Promise.all(WAYS.map((way) => refill(way.name)));
    }),
    { numRuns: ROUNDS, examples: SURE.map((asked) => [asked]) },
  );
  // The runs are worth nothing if most are refused.
  expect(answered).toBeGreaterThan(ROUNDS / 8);
}, 600_000);

/**
 * `/metrics` for Prometheus. Requests are counted in plain numbers, one set for each route, and become metrics only
 * when they are scraped: labelling a prom-client metric costs as much as reading a node.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge, type Histogram, Registry } from 'prom-client';
import type { Engine, EngineMetrics, MemberState, ReplicationMetrics, StrongMetrics } from '../src/engine-port.ts';
import type { ApiContext } from './api-context.ts';
import { describe } from './describe.ts';
import { type MatchedRoute, routeOf } from './matched-route.ts';

/** Upper bounds in seconds: the low ones for cached reads, the high ones for imports. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The customary status for a request whose client did not wait; it only ever appears in metrics. */
export const CLIENT_CLOSED_REQUEST = 499;

const REQUEST = Symbol('request');
type CountedResponse = FastifyReply['raw'] & { [REQUEST]?: FastifyRequest };

/** What the requests to one route came to. */
interface RouteTally {
  readonly method: string;
  readonly route: string;
  readonly byStatus: Map<number, number>;
  readonly buckets: number[];
  sumS: number;
  count: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    startedMs: number;
  }
}

type MetricRow<Field> = readonly [name: string, field: Field, type: 'counter' | 'gauge', help: string];

const ENGINE_METRICS: readonly MetricRow<Exclude<keyof EngineMetrics, 'replication' | 'strong'>>[] = [
  ['weft_commits_total', 'commitsTotal', 'counter', 'Commits made durable here'],
  ['weft_patches_total', 'patchesTotal', 'counter', 'Patches in those commits'],
  ['weft_group_commit_requests_total', 'requestsInCommitsTotal', 'counter', 'Requests that shared those commits'],
  ['weft_hydrations_total', 'hydrationsTotal', 'counter', 'Partitions brought into memory'],
  ['weft_passivations_total', 'passivationsTotal', 'counter', 'Partitions dropped from memory'],
  [
    'weft_constraint_violations',
    'constraintViolations',
    'gauge',
    'Elements that broke a constraint when an integrity check last looked through their graph',
  ],
  ['weft_quota_refusals_total', 'quotaRefusalsTotal', 'counter', 'Operations that a quota turned away'],
  ['weft_expired_purged_total', 'expiredPurgedTotal', 'counter', 'Elements deleted because their time had come'],
  ['weft_compactions_total', 'compactionsTotal', 'counter', 'Segments rewritten to free their dead patches'],
  ['weft_hydrated_partitions', 'hydratedPartitions', 'gauge', 'Partitions with their view in memory'],
  ['weft_hydrated_documents', 'hydratedDocuments', 'gauge', 'Partitions with their Yjs document in memory'],
  ['weft_resident_bytes', 'residentBytes', 'gauge', 'Estimated memory of hydrated partitions'],
  ['weft_memory_budget_bytes', 'memoryBudgetBytes', 'gauge', 'What it may be'],
  ['weft_pending_bytes', 'pendingBytes', 'gauge', 'Patches that wait for the store'],
  ['weft_log_bytes', 'logBytes', 'gauge', 'Commit log on disk'],
];

const REPLICATION_METRICS: readonly MetricRow<keyof ReplicationMetrics>[] = [
  ['weft_links_up', 'linksUp', 'gauge', 'Links to other servers that work'],
  ['weft_link_frames_sent_total', 'framesSentTotal', 'counter', 'Frames sent to other servers'],
  ['weft_link_frames_received_total', 'framesReceivedTotal', 'counter', 'Frames received from other servers'],
  ['weft_link_bytes_sent_total', 'bytesSentTotal', 'counter', 'Bytes of the frames sent'],
  ['weft_link_bytes_received_total', 'bytesReceivedTotal', 'counter', 'Bytes of the frames received'],
  ['weft_link_frames_refused_total', 'refusedFramesTotal', 'counter', 'Frames that closed their link'],
  ['weft_link_resends_total', 'resendsTotal', 'counter', 'Commits sent again'],
  ['weft_remote_commits_total', 'commitsReceivedTotal', 'counter', 'Commits of others made durable here'],
  ['weft_remote_commits_duplicate_total', 'commitsDuplicateTotal', 'counter', 'Commits of others that came again'],
  ['weft_remote_commits_held', 'commitsHeld', 'gauge', 'Commits that wait for those which they build on'],
  ['weft_remote_held_bytes', 'heldBytes', 'gauge', 'Size of the commits that wait'],
  ['weft_state_transfers_total', 'stateTransfersTotal', 'counter', 'States taken over from other servers'],
  ['weft_digest_comparisons_total', 'digestComparisonsTotal', 'counter', 'Digests compared with other servers'],
  ['weft_repairs_total', 'repairsTotal', 'counter', 'Partitions found different and repaired'],
];

const STRONG_METRICS: readonly MetricRow<keyof StrongMetrics>[] = [
  ['weft_strong_writes_total', 'strongWritesTotal', 'counter', 'Strong writes that this server was asked for'],
  ['weft_strong_reads_total', 'strongReadsTotal', 'counter', 'Strong reads that this server was asked for'],
  ['weft_strong_rounds_total', 'roundsTotal', 'counter', 'Proposals of this server that a majority accepted'],
  ['weft_strong_elections_total', 'electionsTotal', 'counter', 'Times that this server began to lead a graph'],
  ['weft_strong_refused_total', 'refusedTotal', 'counter', 'Strong requests refused for want of a majority'],
  ['weft_strong_indeterminate_total', 'indeterminateTotal', 'counter', 'Strong writes whose outcome is not known'],
  ['weft_voters_reachable', 'votersReachable', 'gauge', 'Voters that this server reaches, itself included'],
];

const MEMBER_STATES: readonly MemberState[] = ['alive', 'suspect', 'dead'];

/** Counts a request that did not come over HTTP, when it is answered. */
export type RequestTally = (status: number, startedMs: number) => void;

export interface Metrics {
  readonly registry: Registry;
  /** A row of its own for requests that come another way. */
  tally(method: string, route: string): RequestTally;
  /** A counter that is kept elsewhere. */
  count(name: string, help: string, read: () => number): void;
}

/**
 * Counts the requests to every route that is added from now on, and returns what shows them. Its hook must
 * be the first: one that refuses a request ends the row of hooks.
 */
export function installMetrics(app: FastifyInstance, { engine, env, pressure, audit }: ApiContext): Metrics {
  const registry = new Registry();
  const tallies: RouteTally[] = [];
  const unmatched = newTally('ANY', 'none');
  tallies.push(unmatched);
  let inFlight = 0;

  const byRoute = new Map<MatchedRoute | undefined, RouteTally>();
  app.addHook('onRoute', ({ method, url, config }) => {
    const tally = newTally(Array.isArray(method) ? method.join(',') : method, url);
    tallies.push(tally);
    byRoute.set(config?.matched, tally);
  });
  // One listener for all responses. 'close' comes for those too whose client went away, 'finish' does not.
  function countOut(this: CountedResponse): void {
    inFlight--;
    const request = this[REQUEST];
    if (request === undefined) return;
    const status = this.writableEnded ? this.statusCode : CLIENT_CLOSED_REQUEST;
    const tally = byRoute.get(routeOf(request)) ?? unmatched;
    record(tally, status, (env.clock.monotonicMs() - request.startedMs) / 1000);
    audit.answered(request, this.statusCode);
  }

  app.decorateRequest('startedMs', 0);
  app.addHook('onRequest', (request, reply, done) => {
    inFlight++;
    request.startedMs = env.clock.monotonicMs();
    const response: CountedResponse = reply.raw;
    response[REQUEST] = request;
    response.on('close', countOut);
    done();
  });

  addHttpMetrics(registry, tallies, () => inFlight);
  for (const row of ENGINE_METRICS) addNumber(registry, row, (field) => engine.metrics()[field]);
  for (const row of REPLICATION_METRICS)
    addNumber(registry, row, (field) => engine.metrics().replication?.[field] ?? 0);
  for (const row of STRONG_METRICS) addNumber(registry, row, (field) => engine.metrics().strong?.[field] ?? 0);
  addMemberMetrics(registry, engine);
  const flag = (reason: string | undefined): number => (reason === undefined ? 0 : 1);
  addNumber(
    registry,
    ['weft_sheds_load', undefined, 'gauge', '1 while requests are turned away for want of memory'],
    () => flag(pressure.shedding()),
  );
  addNumber(registry, ['weft_read_only', undefined, 'gauge', '1 while nothing is written for want of disk'], () =>
    flag(pressure.readOnly()),
  );
  return {
    registry,
    count(name, help, read) {
      addNumber(registry, [name, undefined, 'counter', help], read);
    },
    tally(method, route) {
      const tally = newTally(method, route);
      tallies.push(tally);
      return (status, startedMs) => record(tally, status, (env.clock.monotonicMs() - startedMs) / 1000);
    },
  };
}

function addNumber<Field>(
  registry: Registry,
  [name, field, type, help]: MetricRow<Field>,
  read: (field: Field) => number,
): void {
  const Metric = type === 'counter' ? Counter : Gauge;
  new Metric({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read(field));
    },
  });
}

/** One row for each other server, by name. */
function addMemberMetrics(registry: Registry, engine: Engine): void {
  const others = () => engine.cluster().members.filter(({ self }) => !self);
  new Gauge({
    name: 'weft_peer_state',
    help: '1 for the state that the peer is in, 0 for the others',
    labelNames: ['peer', 'state'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, state } of others()) {
        for (const each of MEMBER_STATES) this.set({ peer: name, state: each }, each === state ? 1 : 0);
      }
    },
  });
  const gauges = [
    ['weft_peer_lag_commits', 'Commits that are here and not known to be at the peer', 'lagCommits', 1],
    ['weft_peer_lag_seconds', 'For how long something has been missing at the peer', 'lagMs', 1000],
  ] as const;
  for (const [name, help, field, divisor] of gauges) {
    new Gauge({
      name,
      help,
      labelNames: ['peer'] as const,
      registers: [registry],
      collect() {
        this.reset();
        for (const member of others()) this.set({ peer: member.name }, member[field] / divisor);
      },
    });
  }
}

function newTally(method: string, route: string): RouteTally {
  return { method, route, byStatus: new Map(), buckets: new Array(BUCKETS_S.length).fill(0), sumS: 0, count: 0 };
}

function record(tally: RouteTally, status: number, seconds: number): void {
  tally.byStatus.set(status, (tally.byStatus.get(status) ?? 0) + 1);
  tally.sumS += seconds;
  tally.count++;
  let bucket = 0;
  while (bucket < BUCKETS_S.length && seconds > (BUCKETS_S[bucket] as number)) bucket++;
  if (bucket < BUCKETS_S.length) tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1;
}

function addHttpMetrics(registry: Registry, tallies: readonly RouteTally[], inFlight: () => number): void {
  new Counter({
    name: 'weft_http_requests_total',
    help: 'Requests by method, route and status',
    labelNames: ['method', 'route', 'status'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { method, route, byStatus } of tallies) {
        for (const [status, count] of byStatus) this.inc({ method, route, status }, count);
      }
    },
  });
  new Gauge({
    name: 'weft_http_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers: [registry],
    collect() {
      this.set(inFlight());
    },
  });
  // prom-client's Histogram takes single observations only; a registry asks no more of a metric than this.
  const histogram = { name: DURATIONS, get: async () => durations(tallies) };
  registry.registerMetric(histogram as unknown as Histogram);
}

const DURATIONS = 'weft_http_request_duration_seconds';

function durations(tallies: readonly RouteTally[]): object {
  const values: object[] = [];
  for (const { method, route, buckets, sumS, count } of tallies) {
    if (count === 0) continue;
    const labels = { method, route };
    let below = 0;
    for (let i = 0; i < BUCKETS_S.length; i++) {
      below += buckets[i] ?? 0;
      values.push({ metricName: `${DURATIONS}_bucket`, labels: { ...labels, le: BUCKETS_S[i] }, value: below });
    }
    values.push({ metricName: `${DURATIONS}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
    values.push({ metricName: `${DURATIONS}_sum`, labels, value: sumS });
    values.push({ metricName: `${DURATIONS}_count`, labels, value: count });
  }
  return { name: DURATIONS, help: 'Time from request to answer, by method and route', type: 'histogram', values };
}

export function addMetricsRoute(app: FastifyInstance, registry: Registry): void {
  app.get(
    '/metrics',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Metrics for Prometheus',
        answers: { 200: { doc: 'Text exposition format', schema: 'text' } },
        errors: [],
      }),
    },
    async (_request, reply) => {
      reply.header('content-type', registry.contentType).send(await registry.metrics());
    },
  );
}

/**
 * Who administered what, and who was refused: one event each, with the trace id that leads to the rest of the log. Never a
 * token, a body or a query string, which may hold data.
 */
import type { FastifyRequest } from 'fastify';
import type { Log } from '../../base/env.ts';
import { routeOf } from '../matched-route.ts';
import type { Principal } from './principal.ts';

/** Routes whose use is an act of administration, with the methods that are. */
const ADMINISTRATIVE: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['/v1/graphs/:graph', new Set(['PUT', 'DELETE', 'PATCH'])],
  ['/v1/graphs/:graph/integrity', new Set(['POST'])],
  ['/v1/queries/:id', new Set(['DELETE'])],
  ['/v1/backup', new Set(['POST'])],
  ['/v1/backup/holds/:name', new Set(['DELETE'])],
  ['/v1/chaos/links/:peer', new Set(['PUT', 'DELETE'])],
]);
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export class AuditLog {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Notes an answered request, if it was one of administration or was denied. */
  answered(request: FastifyRequest, status: number): void {
    const { method } = request;
    const isDenied = status === 401 || status === 403;
    if (!isDenied && READING.has(method)) return;
    const { url } = routeOf(request);
    const isAdministrative = ADMINISTRATIVE.get(url)?.has(method) === true || url.startsWith('/v1/cluster/');
    if (isDenied || isAdministrative) this.#note(request, `${method} ${url}`, { status, outcome: outcomeOf(status) });
  }

  /** Notes a statement that declares or drops an index or a constraint. */
  schemaChange({ name }: Principal, graph: string, traceId: string | undefined): void {
    const fields = { principal: name, action: 'schema statement', graph, outcome: 'attempted', traceId };
    this.#log.write('info', 'audit', fields);
  }

  #note(request: FastifyRequest, action: string, fields: Readonly<Record<string, unknown>>): void {
    const [path] = request.url.split('?');
    this.#log.write('info', 'audit', {
      principal: request.principal?.name ?? null,
      address: request.ip,
      action,
      path,
      ...fields,
      traceId: request.trace?.traceId,
    });
  }
}

function outcomeOf(status: number): string {
  if (status === 401 || status === 403) return 'denied';
  return status < 400 ? 'done' : 'failed';
}

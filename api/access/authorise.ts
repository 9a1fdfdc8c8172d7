/**
 * The one place that decides who may do what, for HTTP, WebSocket channels and offline replicas alike. What no grant allows
 * is refused, and the refusal names the right that is missing.
 */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import { scopeOf } from '../../crdt/routing.ts';
import { ALL, type Grant, type Names, type Principal, type Right } from './principal.ts';

/** What a request touches. */
export interface Target {
  /** Absent for the server as a whole: only grants on all graphs reach it. */
  readonly graph?: string;
  /** Absent for the graph as a whole. Ids without a scope belong to no scope, so only grants on whole graphs reach them. */
  readonly scope?: string;
}

/** What a request on one partition touches; a hash partition holds what is in no scope. */
export function partitionTarget(graph: string, partition: PartitionId): Target {
  return partition.endsWith('!') ? { graph, scope: partition.slice(0, -1) } : { graph };
}

/** @throws WeftError `forbidden` that names right, graph and scope, definite */
export function authorise(principal: Principal, right: Right, target: Target): void {
  if (!mayDo(principal, right, target)) throw forbidden(principal, right, target);
}

export function mayDo(principal: Principal, right: Right, { graph, scope }: Target): boolean {
  if (principal.isUnlimited) return true;
  return principal.grants.some(
    (grant) =>
      reaches(grant, right, graph) && (grant.scopes === ALL || (scope !== undefined && grant.scopes.has(scope))),
  );
}

/** The scopes of a graph where the principal has the right: all of it, or some, or an empty set. */
export function scopesOf(principal: Principal, right: Right, graph: string): Names {
  if (principal.isUnlimited) return ALL;
  const scopes = new Set<string>();
  for (const grant of principal.grants) {
    if (!reaches(grant, right, graph)) continue;
    if (grant.scopes === ALL) return ALL;
    for (const scope of grant.scopes) scopes.add(scope);
  }
  return scopes;
}

/** Whether the principal has the right anywhere in the graph. */
export function hasAny(principal: Principal, right: Right, graph: string): boolean {
  const scopes = scopesOf(principal, right, graph);
  return scopes === ALL || scopes.size > 0;
}

/** The scope that an id names, without its `!`; undefined if it names none. */
export function scopeOfId(id: string): string | undefined {
  return scopeOf(id)?.slice(0, -1);
}

export function forbidden(principal: Principal, right: Right, target: Target): WeftError {
  return new WeftError('forbidden', `${principal.name} lacks the right \`${right}\` on ${inWords(target)}`, {
    right,
    ...target,
  });
}

function reaches({ graphs, rights }: Grant, right: Right, graph: string | undefined): boolean {
  if (!rights.has(right)) return false;
  if (graphs !== ALL) return graph !== undefined && graphs.has(graph);
  return graph === undefined || !graph.startsWith('_') || rights.has('admin');
}

function inWords({ graph, scope }: Target): string {
  if (graph === undefined) return 'the server';
  return scope === undefined ? `graph \`${graph}\` as a whole` : `scope \`${scope}\` of graph \`${graph}\``;
}

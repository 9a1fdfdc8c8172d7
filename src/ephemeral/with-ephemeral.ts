/**
 * An engine with graphs that live in memory only, beside the durable ones: two engines, of which the second stands alone over
 * a store in memory. What is in an ephemeral graph is on this server only, and gone with the process: nothing of it
 * is replicated, backed up or given to offline replicas. What cannot be kept is refused rather than promised.
 *
 * - EPH-1 A name that both have means the durable graph, which every server knows; the other one goes.
 */
import { WeftError } from '../../base/errors.ts';
import type { GraphName } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import type { PolicyChange } from '../../graph/policy.ts';
import type { Engine, Graph, GraphDescription, GraphRequest, GraphSync } from '../engine-port.ts';

/** The durable engine; all that does not concern one graph is its own. */
export function withEphemeral(durable: Engine, ephemeral: Engine): Engine {
  const names = new Set<GraphName>();

  const isDurable = (name: GraphName) => durable.listGraphs().some((graph) => graph.name === name);

  /** Whether the name means an ephemeral graph. */
  function isEphemeral(name: GraphName): boolean {
    if (!names.has(name)) return false;
    if (!isDurable(name)) return true;
    names.delete(name);
    void ephemeral.deleteGraph(name).catch(() => undefined);
    return false;
  }

  function refuseStrong(name: GraphName, level: 'strong' | undefined): void {
    if (level !== 'strong') return;
    const detail = `graph \`${name}\` is ephemeral: it is on this server only, where no majority can decide`;
    throw new WeftError('invalid-request', detail, { field: 'Consistency-Level', graph: name });
  }

  // Each method is named, so that none of the durable engine's is forgotten: a proxy would cost every request a microsecond.
  return {
    name: durable.name,
    replicaId: durable.replicaId,
    seeCatalog: () => durable.seeCatalog(),
    once: (key, fingerprint, request) => durable.once(key, fingerprint, request),
    sessionToken: (presented, shown) => durable.sessionToken(presented, shown),
    reachSession: (tokens) => durable.reachSession(tokens),
    cluster: () => durable.cluster(),
    quorum: () => durable.quorum(),
    changeVoters: (change) => durable.changeVoters(change),
    backup: (since, keep) => durable.backup(since, keep),
    backupHolds: () => durable.backupHolds(),
    releaseBackupHold: (name) => durable.releaseBackupHold(name),
    health: () => durable.health(),
    metrics: () => durable.metrics(),
    listGraphs(): readonly GraphDescription[] {
      const held = ephemeral.listGraphs().filter(({ name }) => isEphemeral(name));
      if (held.length === 0) return durable.listGraphs();
      return [...durable.listGraphs(), ...held].sort((a, b) => compareText(a.name, b.name));
    },
    graph(name: GraphName, level?: 'strong', trace?: string): Graph {
      if (!isEphemeral(name)) return durable.graph(name, level, trace);
      refuseStrong(name, level);
      return ephemeral.graph(name);
    },
    async createGraph(name: GraphName, asked: GraphRequest, level?: 'strong'): ReturnType<Engine['createGraph']> {
      const { lifecycle, ...settings } = asked;
      const held = isEphemeral(name);
      if (!held && lifecycle !== 'ephemeral') return durable.createGraph(name, settings, level);
      if (lifecycle === 'persistent') throw otherLifecycle(name, 'ephemeral');
      refuseStrong(name, level);
      if (isDurable(name)) throw otherLifecycle(name, 'persistent');
      const made = await ephemeral.createGraph(name, settings);
      names.add(name);
      return made;
    },
    async changePolicy(name: GraphName, change: PolicyChange, level?: 'strong'): Promise<GraphDescription> {
      if (!isEphemeral(name)) return durable.changePolicy(name, change, level);
      refuseStrong(name, level);
      return ephemeral.changePolicy(name, change);
    },
    async deleteGraph(name: GraphName, level?: 'strong'): Promise<void> {
      if (!isEphemeral(name)) return durable.deleteGraph(name, level);
      refuseStrong(name, level);
      await ephemeral.deleteGraph(name);
      names.delete(name);
    },
    sync(name: GraphName): GraphSync {
      if (!isEphemeral(name)) return durable.sync(name);
      throw new WeftError('graph-protected', `graph \`${name}\` is ephemeral and has no replicas`, { graph: name });
    },
    onceCommitted(task: () => void): () => void {
      const stops = [durable.onceCommitted(run), ephemeral.onceCommitted(run)];
      let isOver = false;
      function run(): void {
        if (isOver) return;
        stop();
        task();
      }
      function stop(): void {
        isOver = true;
        for (const each of stops) each();
      }
      return stop;
    },
    async close(): Promise<void> {
      await Promise.all([durable.close(), ephemeral.close()]);
    },
  };
}

function otherLifecycle(name: GraphName, lifecycle: 'ephemeral' | 'persistent'): WeftError {
  const detail = `graph \`${name}\` exists and is ${lifecycle}`;
  return new WeftError('graph-exists', detail, { graph: name, lifecycle });
}

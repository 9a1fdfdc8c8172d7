/**
 * What of a graph may be changed at any time: its quota, and how long its elements live. It is a node of `_system`, so it is durable and replicates like any
 * other data; of two servers that change it apart, the later change wins.
 */
import { type NodeId, nodeId } from '../../base/ids.ts';
import type { DefaultExpiry } from '../../crdt/default-expiry.ts';
import { findNode } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import { isLifeMs, type PolicyChange } from '../../graph/policy.ts';
import { isQuotaLimit, QUOTA_LIMITS, type Quota } from '../../graph/quota.ts';
import { isMap, type Properties, type Value } from '../../graph/value.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { SYSTEM_PARTITION, SystemReading } from './system-reading.ts';

const POLICY_LABEL = 'GraphPolicy';

const AFTER = 'expiresAfterMs';
const BY_LABEL = 'expiresAfterMsByLabel';
const NO_QUOTA: Quota = Object.freeze({});

export class GraphPolicy {
  readonly #id: NodeId;
  /** Asked for late: the catalog makes graphs before it has its own. */
  readonly #system: () => ResidentGraph;
  readonly #defaults: Quota;
  readonly #isInternal: boolean;
  readonly #read = new SystemReading();
  /** What the policy was made of: properties are never changed in place. */
  #properties: Properties | undefined;
  #quota: Quota;
  #expiry: DefaultExpiry | undefined;

  /** @param defaults of the server, where the graph has no limit of its own */
  constructor(key: string, system: () => ResidentGraph, defaults: Quota, isInternal: boolean) {
    this.#id = nodeId(`policy:${key}`);
    this.#system = system;
    this.#defaults = defaults;
    this.#isInternal = isInternal;
    this.#quota = isInternal ? NO_QUOTA : defaults;
  }

  /** The quota that holds on this server; the same object until the policy is changed. */
  get quota(): Quota {
    this.#refresh();
    return this.#quota;
  }

  /** When elements that do not say so expire; undefined if they do not. */
  get expiry(): DefaultExpiry | undefined {
    this.#refresh();
    return this.#expiry;
  }

  #refresh(): void {
    if (this.#isInternal) return;
    const { view } = this.#system();
    if (!view.isOpen(SYSTEM_PARTITION) || this.#read.isCurrent(view.need(SYSTEM_PARTITION))) return;
    const properties = this.#declared();
    if (properties === this.#properties) return;
    this.#properties = properties;
    this.#quota = Object.freeze({ ...this.#defaults, ...ownQuota(properties ?? {}) });
    this.#expiry = expiryOf(properties ?? {});
  }

  /** The change as an operation on `_system`. */
  change({ quota = {}, expiresAfterMs, expiresAfterMsByLabel }: PolicyChange): Operation {
    const before = this.#declared() ?? {};
    const held = ownQuota(before);
    const properties: { [name: string]: Value } = {};
    const keep = (name: string, asked: Value | undefined, had: Value | undefined) => {
      const value = asked === undefined ? had : asked;
      if (value !== undefined && value !== null) properties[name] = value;
    };
    for (const limit of QUOTA_LIMITS) keep(limit, quota[limit], held[limit]);
    keep(AFTER, expiresAfterMs, before[AFTER]);
    keep(BY_LABEL, expiresAfterMsByLabel, before[BY_LABEL]);
    return { op: 'putNode', id: this.#id, labels: [POLICY_LABEL], properties };
  }

  #declared(): Properties | undefined {
    const { view } = this.#system();
    const node = findNode(view, this.#id);
    return node === undefined ? undefined : view.nodes.properties[node];
  }
}

function ownQuota(properties: Properties): Quota {
  const quota: { -readonly [limit in keyof Quota]: Quota[limit] } = {};
  for (const limit of QUOTA_LIMITS) {
    const value = properties[limit];
    if (isQuotaLimit(value)) quota[limit] = value;
  }
  return quota;
}

function expiryOf({ expiresAfterMs, expiresAfterMsByLabel }: Properties): DefaultExpiry | undefined {
  const byLabel = new Map<string, number>();
  if (expiresAfterMsByLabel !== undefined && isMap(expiresAfterMsByLabel)) {
    for (const [label, ms] of Object.entries(expiresAfterMsByLabel)) if (isLifeMs(ms)) byLabel.set(label, ms);
  }
  if (isLifeMs(expiresAfterMs)) return { afterMs: expiresAfterMs, byLabel };
  return byLabel.size > 0 ? { byLabel } : undefined;
}

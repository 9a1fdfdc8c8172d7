/**
 * What of a graph may be changed at any time: its quota. It is a node of `_system`, so it is durable and replicates like any
 * other data; of two servers that change it apart, the later change wins.
 */
import { type NodeId, nodeId } from '../../base/ids.ts';
import { findNode } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import { isQuotaLimit, QUOTA_LIMITS, type Quota, type QuotaChange } from '../../graph/quota.ts';
import type { Properties, Value } from '../../graph/value.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';

const POLICY_LABEL = 'GraphPolicy';

const NO_QUOTA: Quota = Object.freeze({});

export class GraphPolicy {
  readonly #id: NodeId;
  /** Asked for late: the catalog makes graphs before it has its own. */
  readonly #system: () => ResidentGraph;
  readonly #defaults: Quota;
  readonly #isInternal: boolean;
  /** What the policy was read from: properties are never changed in place. */
  #read: Properties | undefined;
  #quota: Quota;

  /** @param defaults of the server, where the graph has no limit of its own */
  constructor(key: string, system: () => ResidentGraph, defaults: Quota, isInternal: boolean) {
    this.#id = nodeId(`policy:${key}`);
    this.#system = system;
    this.#defaults = defaults;
    this.#isInternal = isInternal;
    this.#quota = isInternal ? NO_QUOTA : defaults;
  }

  /** The quota that holds on this server; the same object until it is changed. */
  get quota(): Quota {
    if (this.#isInternal) return NO_QUOTA;
    const properties = this.#properties();
    if (properties === this.#read) return this.#quota;
    this.#read = properties;
    this.#quota = Object.freeze({ ...this.#defaults, ...ownQuota(properties ?? {}) });
    return this.#quota;
  }

  /** The change as an operation on `_system`. */
  change(quota: QuotaChange): Operation {
    const held = ownQuota(this.#properties() ?? {});
    const properties: { [name: string]: Value } = {};
    for (const limit of QUOTA_LIMITS) {
      const asked = quota[limit];
      const value = asked === undefined ? held[limit] : asked;
      if (value !== undefined && value !== null) properties[limit] = value;
    }
    return { op: 'putNode', id: this.#id, labels: [POLICY_LABEL], properties };
  }

  #properties(): Properties | undefined {
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

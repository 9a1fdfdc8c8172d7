/** The changes of one graph as a reader wants them: filtered, and with what the elements are now. */
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Edge, Node } from '../../graph/model.ts';
import type { Change, ChangeOptions, ChangePage, Graph } from '../engine-port.ts';
import type { ChangeFeed } from './change-feed.ts';

type Reads = Pick<Graph, 'node' | 'edge'>;

export class GraphChanges {
  readonly #graphKey: string;
  readonly #reads: Reads;
  readonly #feed: ChangeFeed;

  constructor(graphKey: string, reads: Reads, feed: ChangeFeed) {
    this.#graphKey = graphKey;
    this.#reads = reads;
    this.#feed = feed;
  }

  async read(since: string | undefined, options: ChangeOptions): Promise<ChangePage> {
    if (since === 'now') return { changes: [], ends: [], since: this.#feed.now(this.#graphKey), more: false };
    const { places, ...page } = await this.#feed.read(this.#graphKey, since, options.limit, (change) =>
      this.#isWanted(change, options),
    );
    if (!options.withAfter && !options.withBefore) return page;
    const past = this.#feed.past(places);
    const changes: Change[] = [];
    for (const [i, change] of page.changes.entries()) {
      const place = places[i];
      const before = options.withBefore && place !== undefined ? await past.before(place) : undefined;
      changes.push({
        ...change,
        ...(before !== undefined && { before }),
        ...(options.withAfter && { after: await this.#elementOf(change) }),
      });
    }
    return { ...page, changes };
  }

  async #isWanted(change: Change, { label, type, scope }: ChangeOptions): Promise<boolean> {
    if (scope !== undefined && !(await this.#isIn(scope, change))) return false;
    if (label === undefined && type === undefined) return true;
    const wanted = change.kind === 'node' ? label : type;
    if (wanted === undefined) return false;
    if (change.change === 'delete') return true;
    if (change.kind === 'edge') return (change.type ?? (await this.#edge(change))?.type ?? wanted) === wanted;
    // Who followed the label must hear that the node has it no longer, also of one that was replaced.
    if (change.labelsAdded?.includes(wanted) || change.labelsRemoved?.includes(wanted)) return true;
    if (change.labels !== undefined) return change.labels.includes(wanted);
    return (await this.#node(change))?.labels.includes(wanted) ?? true;
  }

  /** An edge is in the scope of its source. */
  async #isIn(scope: string, change: Change): Promise<boolean> {
    const node = change.kind === 'node' ? change.id : (change.from ?? (await this.#edge(change))?.from);
    return node === undefined || partitionOfNode(node as NodeId, 1) === `${scope}!`;
  }

  async #elementOf(change: Change): Promise<Node | Edge | null> {
    return (await (change.kind === 'node' ? this.#node(change) : this.#edge(change))) ?? null;
  }

  async #node({ id }: Change): Promise<Node | undefined> {
    return orAbsent(this.#reads.node(id as NodeId));
  }

  async #edge({ id }: Change): Promise<Edge | undefined> {
    return orAbsent(this.#reads.edge(id as EdgeId));
  }
}

async function orAbsent<T>(read: Promise<{ readonly element: T }>): Promise<T | undefined> {
  try {
    return (await read).element;
  } catch (error) {
    if (error instanceof WeftError && error.kind.status === 404) return undefined;
    throw error;
  }
}

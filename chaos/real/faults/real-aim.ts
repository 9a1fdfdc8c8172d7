/**
 * Faults that are aimed, as those of the simulator (`../../faults/aim.ts`): they know who leads, wait for a message between two servers
 * and strike then. The proxies between servers show each frame before it passes, so what is done upon it comes first.
 */
import type { Message } from '../../../src/consistency/message.ts';
import { decodeMessage } from '../../../src/consistency/message-codec.ts';
import type { Frame } from '../../../src/replication/frame.ts';
import { decodeFrame } from '../../../src/replication/frame-codec.ts';
import { DEFAULT } from '../../client.ts';
import { leadingOrder, messageIn } from '../../faults/messages.ts';
import type { Tap } from '../net/lane.ts';
import type { RealCluster } from '../real-cluster.ts';
import { between, spoilAll } from './links.ts';
import { bringBack } from './processes.ts';
import type { FaultContext, Injury, RealFault } from './real-fault.ts';

/** Until a message that clients bring about comes by. */
const SEEN_MS_MAX = 6_000;
/** Until what clients do at once has been done. */
const HELD_MS_MAX = 4_000;
const LOOK_MS = 10;

/** What it waited for did not come: nothing was broken that shows anything. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

type To = string | readonly string[];

/** What one strike does; all of it is undone in the end. */
export class RealAim {
  readonly cluster: RealCluster;
  /** What was seen and done, in order. */
  readonly done: string[] = [];
  readonly #undos = new Set<() => unknown>();

  constructor(cluster: RealCluster) {
    this.cluster = cluster;
  }

  /** Resets and refuses all connections between two sides. Returns how to mend it before the end. */
  part(some: readonly string[], others: readonly string[]): () => void {
    const mends = spoilAll(between(this.cluster, some, others), { isClosed: true });
    return this.#untilEnd(() => void mends.then((mend) => mend()));
  }

  tap(from: string, to: string, tap: Tap): () => void {
    return this.#untilEnd(this.cluster.tap(from, to, tap));
  }

  /** Sees what servers say to each other about the graph that clients use. False loses it. */
  hear(from: string, to: string, listen: (message: Message, pass: () => void) => boolean): () => void {
    return this.tap(from, to, (frame, pass) => {
      const message = messageIn(frame);
      return message === undefined || ('graph' in message && message.graph !== DEFAULT) || listen(message, pass);
    });
  }

  /** From now on commits do not pass, in whatever kind of frame. */
  keepCommits(from: string, to: string): KeptFrames {
    return this.keep(from, to, ({ kind }) => OF_COMMITS.includes(kind));
  }

  /** From now on some frames do not pass. */
  keep(from: string, to: string, isKept: (frame: Frame) => boolean): KeptFrames {
    const kept: (() => void)[] = [];
    const end = this.tap(from, to, (frame, pass) => {
      if (!isKept(decodeFrame(frame))) return true;
      kept.push(pass);
      return false;
    });
    const take = () => {
      end();
      return kept.splice(0);
    };
    return {
      get count() {
        return kept.length;
      },
      drop: () => {
        const { length } = take();
        if (length === 0) throw new Missed(`frame from ${from} to ${to}`);
        return length;
      },
      letPass: () => {
        for (const pass of take()) pass();
      },
    };
  }

  /** Resolves with the first message to any of them that is looked for, which passes. @throws Missed if there is none in time */
  async sees<M extends Message>(
    from: string,
    to: To,
    isIt: (message: Message) => message is M,
    limitMs?: number,
  ): Promise<M>;
  async sees(from: string, to: To, isIt: (message: Message) => boolean, limitMs?: number): Promise<Message>;
  async sees(from: string, to: To, isIt: (message: Message) => boolean, limitMs = SEEN_MS_MAX): Promise<Message> {
    const ends: (() => void)[] = [];
    const found = new Promise<Message>((resolve) => {
      for (const one of [to].flat()) {
        ends.push(
          this.hear(from, one, (message) => {
            if (isIt(message)) resolve(message);
            return true;
          }),
        );
      }
    });
    try {
      return await this.within(limitMs, `message from ${from} to ${[to].flat().join(' or ')}`, found);
    } finally {
      for (const end of ends) end();
    }
  }

  /** @throws Missed if it takes longer */
  async within<T>(limitMs: number, what: string, awaited: Promise<T>): Promise<T> {
    const { scheduler } = this.cluster.world.env;
    return new Promise((resolve, reject) => {
      const timer = scheduler.after(limitMs, () => reject(new Missed(what)));
      awaited.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  /** @throws Missed if it does not hold in time */
  async until(what: string, holds: () => boolean): Promise<void> {
    if (!(await this.cluster.world.until(HELD_MS_MAX, holds, LOOK_MS))) throw new Missed(what);
  }

  wait(ms: number): Promise<void> {
    return this.cluster.world.sleep(ms);
  }

  note(what: string): void {
    this.done.push(`${what} at ${Math.round(this.cluster.world.nowMs())} ms`);
  }

  /** `undo` runs in the end, unless it is run before. */
  #untilEnd(undo: () => unknown): () => void {
    const once = () => {
      if (this.#undos.delete(once)) undo();
    };
    this.#undos.add(once);
    return once;
  }

  end(): void {
    for (const undo of [...this.#undos]) undo();
  }
}

export interface KeptFrames {
  /** So far. */
  readonly count: number;
  /** They are lost, and what comes from now on passes. @throws Missed if there are none */
  drop(): number;
  /** They pass after all, in order, and what comes from now on. */
  letPass(): void;
}

export function quorumMessage(frame: Frame): Message | undefined {
  return frame.kind === 'quorum' ? decodeMessage(frame.body) : undefined;
}

/** Frames that hold commits, or what stands for them. */
const OF_COMMITS: readonly string[] = ['commits', 'fragment', 'state', 'state-list', 'behind'];

/**
 * @param servers how many it needs
 * @param strike gets the servers in the order in which they lead; resolves when all that matters has happened
 */
export function aimed(
  { servers, ...fault }: Pick<RealFault, 'name' | 'about' | 'onOwnDisks' | 'impossible'> & { readonly servers: number },
  strike: (aim: RealAim, order: readonly string[], context: FaultContext) => Promise<void>,
): RealFault {
  return {
    ...fault,
    readsFrames: true,
    impossible: (net) =>
      fault.impossible?.(net) ?? (net.kind === 'proxies' ? undefined : 'it waits for frames, which only proxies show'),
    async inject(context): Promise<Injury | undefined> {
      const { cluster } = context;
      if (cluster.names.length !== servers) return undefined;
      const aim = new RealAim(cluster);
      const beganMs = cluster.world.nowMs();
      let missed: string | undefined;
      try {
        await strike(aim, leadingOrder(cluster.names), context);
      } catch (error) {
        if (!(error instanceof Missed)) throw error;
        missed = error.message;
      } finally {
        aim.end();
      }
      return {
        what: [...aim.done, ...(missed === undefined ? [] : [`and then no ${missed}`])].join('; '),
        beganMs,
        servers: cluster.names,
        async mend() {
          await cluster.thawDisks();
          await bringBack(cluster, cluster.names);
          return missed === undefined ? aim.done.join('; ') : undefined;
        },
      };
    },
  };
}

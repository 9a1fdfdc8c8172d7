/**
 * The connection of a replica to a server: which state it is in, what is sent of the outbox, and what is done with each frame.
 * Frames are handled one after the other, each to its end.
 *
 * | state | opened | welcome | live | receipt, refused | must-refetch | closed |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | offline | - | - | - | - | - | - |
 * | connecting | send hello | forget, if it must; settings fit: syncing; else begin anew | - | - | come back with what is known | wait, then the next address |
 * | syncing | - | - | live | as in live | the same | the same |
 * | live | - | - | - | outbox shrinks; rebase | the same | the same |
 */
import type { Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { isPlanted, type PlantedBug } from '../base/planted-bug.ts';
import { toUtf8 } from '../base/text.ts';
import { clockOfWallMs } from '../crdt/stamp.ts';
import {
  decodeServerFrame,
  encodeReplicaFrame,
  type ReplicaFrame,
  type ServerFrame,
  SYNC_PROTOCOL,
  SYNC_VERSION,
} from '../crdt/sync-frame.ts';
import { toBase64 } from '../graph/base64.ts';
import type { ClientSocket, Platform } from './platform.ts';
import type { ReplicaGraph } from './replica-graph.ts';
import type { Refusal } from './replica-rows.ts';

export type SyncState = 'offline' | 'connecting' | 'syncing' | 'live';

/** The reason why a replica is offline of which somebody asked that. */
export const ON_DEMAND = 'asked to be offline';

/** What a server said of a batch. */
export interface Receipt {
  readonly number: number;
  readonly durableOn: number;
  readonly of: number;
}

/** Batches that were sent and have no receipt yet. */
const WINDOW_BATCHES = 256;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 15_000;
const PING_MS = 15_000;
/** Clocks that differ by less are left alone. */
const OFFSET_MS_MIN = 1_000;
/** The Yjs state vector of nothing. */
const NO_STATE = Uint8Array.of(0);

export interface SyncLinkOptions {
  readonly platform: Platform;
  readonly urls: readonly string[];
  readonly graphName: string;
  readonly token: string | undefined;
  readonly graph: ReplicaGraph;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  /** Runs `change` when nobody reads the view. */
  readonly alone: <T>(change: () => T) => Promise<T>;
  readonly onState: () => void;
  readonly onReceipt: (receipt: Receipt) => void;
  readonly onRefused: (refusals: readonly Refusal[]) => void;
}

export class SyncLink {
  readonly #options: SyncLinkOptions;
  state: SyncState = 'offline';
  /** Why it is not live, in words of whoever ended the last connection. */
  reason = '';
  #wanted = false;
  #socket: ClientSocket | undefined;
  /** Tells events of a connection that is given up from those of the current one. */
  #generation = 0;
  #current = 0;
  #pauseMs = PAUSE_MS;
  #timer: Timer | undefined;
  #pings: Timer | undefined;
  #wasHeard = true;
  #epoch = 0;
  /** The latest stamp that the server takes, as of its welcome. */
  #clockMax = 0;
  /** The last batch that was sent on this connection. */
  #sent = 0;
  #maySend = false;
  /** When a server first lacked what is known here. */
  #behindSinceMs: number | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: SyncLinkOptions) {
    this.#options = options;
  }

  /** Idempotent; tries for as long as `stop` is not called. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#pauseMs = PAUSE_MS;
    this.#dial();
  }

  stop(): void {
    this.#wanted = false;
    this.#behindSinceMs = undefined;
    this.#hangUp();
    this.#become('offline', ON_DEMAND);
  }

  #become(state: SyncState, reason = this.reason): void {
    if (this.state === state && this.reason === reason) return;
    this.state = state;
    this.reason = reason;
    this.#options.onState();
  }

  #hangUp(): void {
    this.#generation++;
    this.#timer?.cancel();
    this.#pings?.cancel();
    this.#maySend = false;
    this.#socket?.close(1000, '');
    this.#socket = undefined;
  }

  #dial(): void {
    const { platform, urls, graphName, token } = this.#options;
    this.#become('connecting');
    const generation = ++this.#generation;
    const isCurrent = () => generation === this.#generation;
    const url = `${(urls[this.#current] as string).replace(/\/+$/, '').replace(/^http/, 'ws')}/v1/graphs/${encodeURIComponent(graphName)}/sync`;
    const protocols = token === undefined ? [SYNC_PROTOCOL] : [SYNC_PROTOCOL, `weft.bearer.${base64Url(token)}`];
    try {
      this.#socket = platform.openSocket(url, protocols, {
        opened: () => {
          if (isCurrent()) this.#later(generation, () => this.#hello());
        },
        message: (bytes) => {
          if (!isCurrent()) return;
          this.#wasHeard = true;
          this.#later(generation, () => this.#take(decodeServerFrame(bytes)));
        },
        closed: (code, reason) => {
          if (isCurrent()) this.#lost(reason === '' ? `the connection ended (${code})` : reason);
        },
      });
    } catch (error) {
      this.#lost((error as Error).message);
      return;
    }
    this.#beat();
  }

  /** Handles one event after the one before it. */
  #later(generation: number, handle: () => void | Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (generation !== this.#generation) return;
      try {
        await handle();
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        this.#lost(error.message);
      }
    });
    this.#work.catch((error: unknown) => {
      this.#options.platform.env.log.write('error', 'the replica failed', { error: String(error) });
      this.#lost(String(error));
      this.#work = Promise.resolve();
    });
  }

  #lost(reason: string, pauses = true): void {
    this.#hangUp();
    if (!this.#wanted) return;
    this.#become('connecting', reason);
    this.#current = (this.#current + 1) % this.#options.urls.length;
    const { random, scheduler } = this.#options.platform.env;
    const spread = pauses ? this.#pauseMs * (0.5 + random.uint32() / 2 ** 33) : 0;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    this.#timer = scheduler.after(spread, () => this.#dial());
  }

  /** A connection that is silent for two beats is given up, whatever the runtime believes of it. */
  #beat(): void {
    this.#wasHeard = true;
    const beat = () => {
      if (!this.#wasHeard) {
        this.#lost('the server is silent');
        return;
      }
      this.#wasHeard = false;
      if (this.state === 'live') this.#send({ kind: 'ping' });
      this.#pings = this.#options.platform.env.scheduler.after(PING_MS, beat);
    };
    this.#pings = this.#options.platform.env.scheduler.after(PING_MS, beat);
  }

  #send(frame: ReplicaFrame): void {
    this.#socket?.send(encodeReplicaFrame(frame));
  }

  #hello(): void {
    const { graph } = this.#options;
    const { replica, successor, generation, syncedMs } = graph.meta;
    const hello = { kind: 'hello', version: SYNC_VERSION, generation } as const;
    const partitions = graph.stateVectors();
    const known = graph.known();
    const anew = known.length > 0 && this.#isPatient() ? { known } : {};
    if (successor === 0) this.#send({ ...hello, ...anew, replica, syncedMs, partitions });
    else {
      const none = partitions.map(({ partition }) => ({ partition, bytes: NO_STATE }));
      this.#send({ ...hello, ...anew, replica: successor, syncedMs: 0, partitions: none });
    }
  }

  /** False once no server was found for long that has what is known here: it may be lost. */
  #isPatient(): boolean {
    const { bugs, platform } = this.#options;
    if (isPlanted(bugs, 'begins-anew-anywhere')) return false;
    const sinceMs = this.#behindSinceMs;
    return sinceMs === undefined || platform.env.clock.monotonicMs() - sinceMs < LIMITS.refetchPatienceMs;
  }

  async #take(frame: ServerFrame): Promise<void> {
    const { graph, onReceipt, platform } = this.#options;
    switch (frame.kind) {
      case 'welcome':
        return this.#welcome(frame);
      case 'state':
        return this.#merge([frame.state]);
      case 'update':
        return this.#merge(frame.updates);
      case 'live':
        return this.#live();
      case 'receipt': {
        const { epoch, number, durableOn, of } = frame;
        if (epoch !== this.#epoch) return;
        graph.acknowledge(number);
        onReceipt({ number, durableOn, of });
        this.pump();
        return;
      }
      case 'refused':
        if (frame.epoch === this.#epoch) await this.#refused(frame.number, frame.code, frame.detail);
        return;
      case 'must-refetch':
        return this.#refetch(frame.reason);
      case 'behind':
        this.#behindSinceMs ??= platform.env.clock.monotonicMs();
        this.#lost('the server lags behind what this replica knew');
        return;
      case 'pong':
        if (this.state === 'live') graph.note({ syncedMs: frame.wallMs });
    }
  }

  #merge(updates: Parameters<ReplicaGraph['merge']>[0]): void {
    if (!this.#options.graph.merge(updates)) this.#lost('updates build on what is not here', false);
  }

  async #welcome({
    generation,
    partitions,
    restoringTypes,
    wallMs,
  }: Extract<ServerFrame, { kind: 'welcome' }>): Promise<void> {
    const { graph, platform, alone } = this.#options;
    const connection = this.#generation;
    if (graph.meta.successor !== 0) await alone(() => graph.beginAnew());
    const { meta } = graph;
    this.#epoch++;
    this.#sent = 0;
    const apart = wallMs - platform.env.clock.wallMs();
    const offsetMs = Math.abs(apart) < OFFSET_MS_MIN ? 0 : Math.round(apart);
    const fits = partitions === meta.partitions && restoringTypes.join() === meta.restoringTypes.join();
    graph.note({ generation, partitions, restoringTypes, offsetMs });
    this.#clockMax = clockOfWallMs(wallMs + LIMITS.clockDriftMsMax);
    if (!fits) {
      // What waits for the states of another graph cannot be made anew before they are here.
      if (meta.replays) await alone(() => graph.forget({ known: [] }));
      else this.#options.onRefused(await alone(() => graph.rebase()));
      // Other settings mean other partitions, of which the hello said nothing.
      this.#lost('the graph has other settings', false);
      return;
    }
    if (!graph.meta.replays) await this.#correct();
    // It may have ended, also on demand, while statements were waited for.
    if (connection !== this.#generation) return;
    this.#become('syncing');
    this.#maySend = !graph.meta.replays;
    this.pump();
  }

  /** Makes anew what bears stamps that no server takes. */
  async #correct(): Promise<void> {
    const { graph, alone, onRefused } = this.#options;
    if (graph.clock.last > this.#clockMax) onRefused(await alone(() => graph.rebase(undefined, this.#clockMax)));
  }

  async #live(): Promise<void> {
    const { graph, alone, onRefused, platform } = this.#options;
    if (graph.meta.replays) {
      const connection = this.#generation;
      const isAhead = graph.clock.last > this.#clockMax;
      onRefused(await alone(() => graph.rebase(undefined, isAhead ? this.#clockMax : undefined)));
      if (connection !== this.#generation) return;
    }
    graph.note({ syncedMs: Math.floor(platform.env.clock.wallMs() + graph.meta.offsetMs), known: [] });
    this.#behindSinceMs = undefined;
    this.#maySend = true;
    this.#pauseMs = PAUSE_MS;
    this.#become('live', '');
    this.pump();
  }

  /** Sends what is durable and was not sent, as far as the window allows. */
  pump(): void {
    if (!this.#maySend) return;
    const { graph, bugs } = this.#options;
    let waiting = 0;
    for (const { number, patches } of graph.outbox.values()) {
      if (waiting++ >= WINDOW_BATCHES || !graph.durable.has(number)) return;
      if (number <= this.#sent) continue;
      this.#sent = number;
      this.#send({ kind: 'write', epoch: this.#epoch, number, patches });
      if (isPlanted(bugs, 'outbox-gone-when-sent')) graph.acknowledge(number);
    }
  }

  async #refused(number: number, code: string, detail: string): Promise<void> {
    const { graph, alone, onRefused } = this.#options;
    const entry = graph.outbox.get(number);
    this.#epoch++;
    this.#sent = 0;
    if (entry === undefined) return;
    if (code === 'clock-ahead') {
      // Nothing is wrong with the batch: the own clock was set while the link was up, and the next welcome corrects it.
      this.#lost('the own clock is ahead');
      return;
    }
    const { operations } = entry;
    onRefused(await alone(() => graph.rebase({ number, operations, code, detail })));
    this.pump();
  }

  async #refetch(reason: 'generation' | 'too-old' | 'replica-id'): Promise<void> {
    const { graph, alone, platform } = this.#options;
    // A new id, because the totals of increments that this one has made are forgotten, too, and must not begin again from less.
    const successor = platform.env.random.uint32();
    if (reason !== 'generation') graph.note({ successor });
    // Nobody has what is known of a graph that is gone.
    else await alone(() => graph.forget({ replica: successor, successor: 0, known: [] }));
    this.#lost(`must begin anew: ${reason}`, false);
  }
}

function base64Url(text: string): string {
  return toBase64(toUtf8(text)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

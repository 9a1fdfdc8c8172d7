/** The requests of a session channel that have not been answered. What is under way is bounded in number and bytes. */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import type { Call } from './consistency.ts';
import type { QueryCall } from './query-call.ts';
import type { SignalFrame } from './session-frames.ts';
import type { Trace } from './trace.ts';

export class ChannelRequest implements Call {
  readonly id: number;
  /** Of its frame. */
  readonly bytes: number;
  readonly startedMs: number;
  consistencyLevel: Call['consistencyLevel'] = null;
  sessionTokens: Call['sessionTokens'] = null;
  mayDowngrade = false;
  trace: Trace | null = null;
  /** Whether its answer tells the trace. */
  isTraced = false;
  query: QueryCall | undefined;
  /** Why nothing more of it is wanted. */
  cancelled: string | undefined;
  credit = 0;
  /** Wakes its stream. */
  wake: (() => void) | undefined;

  constructor(id: number, bytes: number, startedMs: number) {
    this.id = id;
    this.bytes = bytes;
    this.startedMs = startedMs;
  }

  signal(frame: SignalFrame): void {
    if (frame.op === 'cancel') this.cancel();
    else {
      this.credit += frame.credit;
      this.wake?.();
    }
  }

  cancel(why = 'the request was cancelled'): void {
    this.cancelled = why;
    this.query?.cancel();
    this.wake?.();
  }

  /** @throws WeftError `query-cancelled`, definite: nothing of it was begun, or it only reads */
  checkWanted(): void {
    if (this.cancelled !== undefined) throw new WeftError('query-cancelled', this.cancelled);
  }
}

export class RequestsUnderWay {
  readonly #byId = new Map<number, ChannelRequest>();
  #bytes = 0;

  get size(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  get(id: number): ChannelRequest | undefined {
    return this.#byId.get(id);
  }

  /** @throws WeftError `too-many-requests`, definite */
  admit({ bytes }: ChannelRequest): void {
    const { channelRequestsMax: limit, channelRequestBytesMax: limitBytes } = LIMITS;
    if (this.#byId.size >= limit) {
      throw new WeftError('too-many-requests', `${limit} requests are under way on this channel`, { limit });
    }
    if (this.#bytes + bytes > limitBytes) {
      const detail = `requests of ${limitBytes} bytes are under way on this channel`;
      throw new WeftError('too-many-requests', detail, { limit: limitBytes });
    }
  }

  add(request: ChannelRequest): void {
    this.#byId.set(request.id, request);
    this.#bytes += request.bytes;
  }

  delete(request: ChannelRequest): void {
    if (this.#byId.get(request.id) !== request) return;
    this.#byId.delete(request.id);
    this.#bytes -= request.bytes;
  }

  wakeAll(): void {
    for (const request of this.#byId.values()) request.wake?.();
  }

  cancelAll(): void {
    for (const request of this.#byId.values()) request.cancel();
  }
}

/**
 * Who is there and where their cursors are, passed between the stock Yjs clients of one partition. Nothing of it is kept or
 * replicated. A client's state belongs to the connection that told it first, for clients repeat what they heard of others, and
 * declare those gone that they have not heard of.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import type { AwarenessEntry } from './yjs-frames.ts';

const GONE = 'null';

interface Known extends AwarenessEntry {
  /** The connection whose it is; undefined once that has left. */
  owner: object | undefined;
}

export class YjsAwareness {
  readonly #known = new Map<number, Known>();

  /** Those that are here. */
  present(): readonly AwarenessEntry[] {
    return Array.from(this.#known.values()).filter(({ owner, state }) => owner !== undefined && state !== GONE);
  }

  /** Takes what a connection says; returns what the others do not know yet. @throws WeftError `payload-too-large`, `malformed-request` */
  take(owner: object, entries: readonly AwarenessEntry[]): readonly AwarenessEntry[] {
    const news: AwarenessEntry[] = [];
    // Counted once: a message may hold a million states.
    let owned = this.#ownedBy(owner);
    for (const entry of entries) {
      const known = this.#known.get(entry.client);
      if (known === undefined ? entry.state === GONE : !isNews(entry, known, owner)) continue;
      check(entry);
      if (known?.owner !== owner) {
        if (owned >= LIMITS.yjsAwarenessStatesMax) continue;
        owned++;
      }
      this.#set({ ...entry, owner });
      news.push(entry);
    }
    return news;
  }

  /** A connection has ended: what to tell the others. */
  leave(owner: object): readonly AwarenessEntry[] {
    const gone: AwarenessEntry[] = [];
    for (const [client, known] of this.#known) {
      if (known.owner !== owner) continue;
      const entry = { client, clock: known.clock + 1, state: GONE };
      this.#set({ ...entry, owner: undefined });
      if (known.state !== GONE) gone.push(entry);
    }
    return gone;
  }

  #ownedBy(owner: object): number {
    let count = 0;
    for (const known of this.#known.values()) if (known.owner === owner) count++;
    return count;
  }

  #set(known: Known): void {
    this.#known.set(known.client, known);
    if (this.#known.size <= LIMITS.yjsAwarenessKnownMax) return;
    for (const [client, { owner }] of this.#known) {
      if (owner !== undefined) continue;
      this.#known.delete(client);
      return;
    }
  }
}

function isNews({ clock, state }: AwarenessEntry, known: Known, owner: object): boolean {
  if (known.owner !== undefined && known.owner !== owner) return false;
  return clock > known.clock || (clock === known.clock && state === GONE && known.state !== GONE);
}

function check({ client, clock, state }: AwarenessEntry): void {
  if (client > 0xffff_ffff || clock >= LIMITS.structClockMax) {
    throw new WeftError('malformed-request', 'an awareness state is of no Yjs client');
  }
  if (state.length > LIMITS.yjsAwarenessCharsMax) {
    throw new WeftError(
      'payload-too-large',
      `an awareness state has at most ${LIMITS.yjsAwarenessCharsMax} characters`,
    );
  }
  try {
    JSON.parse(state);
  } catch (cause) {
    throw new WeftError('malformed-request', 'an awareness state is no JSON', {}, cause);
  }
}

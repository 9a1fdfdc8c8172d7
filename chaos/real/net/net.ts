/**
 * What lies between the servers of a run, and between them and clients, as faults see it: ways that can be broken, one for each
 * direction between two ends. Two kinds: proxies, which need no right on the machine, and network namespaces, where the kernel
 * loses packets, TCP sends them again, and connections hang.
 */
import type { LaneFault, Tap } from './lane.ts';

export const NET_KINDS = ['proxies', 'netns'] as const;
export type NetKind = (typeof NET_KINDS)[number];

/** All clients of a run, as one end of a way. */
export const CLIENTS = 'clients';

/** What leaves one end for another, over however many connections. */
export interface Way {
  /**
   * Something more is wrong with it, once this resolves.
   * @returns what mends it, and nothing else, and tells how many packets, pieces or connections were affected
   */
  spoil(fault: LaneFault): Promise<() => Promise<number>>;
}

/** What a kind of net can do on this machine; known before there is one. */
export interface NetAbilities {
  readonly kind: NetKind;
  /** What it is made of here, for the record of a run. */
  readonly has: readonly string[];
  /** Why it cannot bring a fault about; undefined if it can. */
  lacks(fault: LaneFault): string | undefined;
}

/** Where a server is put, and how the others are reached from there. */
export interface Place {
  /** Put before its program. */
  readonly wrapper: readonly string[];
  readonly flags: readonly string[];
  /** Where the run itself reaches it, by a way that nothing breaks. */
  readonly host: string;
}

export interface Net {
  readonly abilities: NetAbilities;
  place(server: string): Place;
  /** Where a server, or `CLIENTS`, dials another one. */
  url(from: string, to: string): string;
  way(from: string, to: string): Way;
  /** Sees the frames of one direction, where they are read. @returns what takes it away */
  tap?(from: string, to: string, tap: Tap): () => void;
  /** Resets all connections between two ends, in both directions. @returns how many there were */
  reset(a: string, b: string): Promise<number>;
  close(): Promise<void>;
}

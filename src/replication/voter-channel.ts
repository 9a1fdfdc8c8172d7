/** How servers reach each other for what is decided by a majority. Interface only; replication's links carry it. */
import type { VersionVector } from '../commits/version-vector.ts';
import type { VoterSet } from './voter-set.ts';

export interface VoterChannel {
  /** Name of this server. */
  readonly self: string;
  /** How many servers this one was told of, itself included: they are the first to vote. */
  readonly size: number;
  readonly voterSet: VoterSet;
  /** Names of the servers that are linked and were heard of lately, voters or not, this server's first. */
  reachable(): readonly string[];
  /** Names of this server and of all that it has met, sorted. */
  met(): readonly string[];
  /** Streams that ended at a linked server before it was linked: its vectors do not name them. */
  ended(of: string): VersionVector;
  /** The protocol version that this server and a linked one both speak. */
  version(of: string): number;
  /** Sends a message, which may be lost, come late or more than once; it is lost if there is no link. `trace`: its `traceparent`. */
  send(to: string, body: Uint8Array, trace?: string): void;
  /** Hears every message from now on. A listener that throws `malformed-request` ends the link. */
  listen(listener: (from: string, body: Uint8Array, trace: string | undefined) => void): void;
}

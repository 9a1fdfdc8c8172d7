/** How servers reach each other for what is decided by a majority. Interface only; replication's links carry it. */

export interface VoterChannel {
  /** Name of this server. */
  readonly self: string;
  /** How many servers vote, this one included. */
  readonly voters: number;
  /** Names of the voters that are linked and were heard of lately, this server's first. */
  reachable(): readonly string[];
  /** Sends a message, which may be lost, come late or more than once; it is lost if there is no link. */
  send(to: string, body: Uint8Array): void;
  /** Hears every message from now on. A listener that throws `malformed-request` ends the link. */
  listen(listener: (from: string, body: Uint8Array) => void): void;
}

/**
 * Which cluster this server belongs to. Fresh servers agree on an id without a coordinator: two that have none make one
 * from their nonces, of two ids the smaller wins, so ids only get smaller. Once a server has seen *all* voters with its
 * own id, none of them can ever get a smaller one: from then on it is established, never changes, and a server that is
 * established elsewhere is refused. So a data directory of another cluster cannot get in by mistake.
 */
import { createHash } from 'node:crypto';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Hello } from './frame.ts';
import type { Replica } from './replica.ts';

const NOTE = 'cluster';
const ID_CHARS = 22;

export type Notes = Pick<Replica, 'readNote' | 'writeNote'>;

export class ClusterIdentity {
  readonly #notes: Notes;
  id: string;
  established: boolean;

  private constructor(notes: Notes, id: string, established: boolean) {
    this.#notes = notes;
    this.id = id;
    this.established = established;
  }

  static async read(notes: Notes): Promise<ClusterIdentity> {
    const note = await notes.readNote(NOTE);
    if (note === undefined) return new ClusterIdentity(notes, '', false);
    const { id, established } = JSON.parse(fromUtf8(note)) as { id: string; established: boolean };
    return new ClusterIdentity(notes, id, established);
  }

  /** After a handshake. Both sides come to the same id, at the latest when they have heard each other's status. */
  meet(own: Hello, peer: Hello): Promise<void> | undefined {
    if (this.id === '' && peer.clusterId === '') {
      const [first, second] = [own.nonce, peer.nonce].sort(Buffer.compare) as [Uint8Array, Uint8Array];
      return this.#become(
        createHash('sha256').update(first).update(second).digest('base64url').slice(0, ID_CHARS),
        false,
      );
    }
    return this.hear(peer.clusterId, peer.established);
  }

  /** What a peer says of itself. Undefined if nothing changes. */
  hear(id: string, established: boolean): Promise<void> | undefined {
    if (this.established || id === '' || id === this.id) return undefined;
    if (established || this.id === '' || id < this.id) return this.#become(id, established);
    return undefined;
  }

  /** All voters have this id. */
  establish(): Promise<void> | undefined {
    return this.established || this.id === '' ? undefined : this.#become(this.id, true);
  }

  #become(id: string, established: boolean): Promise<void> {
    this.id = id;
    this.established = established;
    return this.#notes.writeNote(NOTE, toUtf8(JSON.stringify({ id, established })));
  }
}

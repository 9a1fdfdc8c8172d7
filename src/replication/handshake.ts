/**
 * How two servers come to trust each other. Both send a hello; the one that dialed proves first that it knows the
 * cluster secret, by an HMAC over both hellos, then the other one does. The secret never crosses the wire, and nonces
 * keep an old proof from being used again. Hellos are compared before anything is proved: each side decides for itself,
 * and tells the other why if it refuses.
 *
 *     dialer            acceptor
 *     hello     ->
 *               <-      hello
 *     proof     ->                checked: refuse `secret` or go on
 *               <-      proof
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import * as LIMITS from '../../base/limits.ts';
import { sameNames } from './configuration.ts';
import {
  type Frame,
  type Hello,
  type PlainFrame,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
  type RefusalCode,
} from './frame.ts';
import { encodeFrame } from './frame-codec.ts';

export type LinkRole = 'dialer' | 'acceptor';

export interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
}

/** What a step of the handshake leads to. */
export type HandshakeStep =
  | { readonly kind: 'waiting'; readonly send: readonly PlainFrame[] }
  | { readonly kind: 'done'; readonly send: readonly PlainFrame[]; readonly peer: Hello }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly byPeer: boolean };

export class Handshake {
  readonly #role: LinkRole;
  readonly #own: Hello;
  readonly #secret: string;
  #peer: Hello | undefined;

  constructor(role: LinkRole, own: Hello, secret: string) {
    this.#role = role;
    this.#own = own;
    this.#secret = secret;
  }

  /** What the dialer says first. */
  opening(): readonly PlainFrame[] {
    return this.#role === 'dialer' ? [this.#own] : [];
  }

  /** The hello of the other side, once it came. */
  get peer(): Hello | undefined {
    return this.#peer;
  }

  step(frame: Frame): HandshakeStep {
    switch (frame.kind) {
      case 'refuse':
        return { kind: 'refused', refusal: frame, byPeer: true };
      case 'hello':
        return this.#peer === undefined ? this.#meet(frame) : { kind: 'waiting', send: [] };
      case 'proof':
        return this.#check(frame.mac);
      default:
        // A frame of the link itself overtook the proof: it will be sent again.
        return { kind: 'waiting', send: [] };
    }
  }

  #meet(peer: Hello): HandshakeStep {
    this.#peer = peer;
    const refusal = incompatibility(this.#own, peer);
    if (refusal !== undefined) return { kind: 'refused', refusal, byPeer: false };
    return { kind: 'waiting', send: this.#role === 'acceptor' ? [this.#own] : [this.#proof('dialer', peer)] };
  }

  #check(mac: Uint8Array): HandshakeStep {
    if (this.#peer === undefined) return { kind: 'waiting', send: [] };
    const expected = this.#mac(this.#role === 'acceptor' ? 'dialer' : 'acceptor', this.#peer);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) {
      const detail = `${this.#peer.name} does not have the cluster secret of ${this.#own.name}`;
      return { kind: 'refused', refusal: { code: 'secret', detail }, byPeer: false };
    }
    const send = this.#role === 'acceptor' ? [this.#proof('acceptor', this.#peer)] : [];
    return { kind: 'done', send, peer: this.#peer };
  }

  #proof(prover: LinkRole, peer: Hello): PlainFrame {
    return { kind: 'proof', mac: this.#mac(prover, peer) };
  }

  #mac(prover: LinkRole, peer: Hello): Uint8Array {
    const [dialed, accepted] = this.#role === 'dialer' ? [this.#own, peer] : [peer, this.#own];
    const mac = createHmac('sha256', this.#secret).update(`weft link, proof of the ${prover}\n`);
    return mac.update(encodeFrame(dialed)).update(encodeFrame(accepted)).digest();
  }
}

/** Why these two must not talk, as the owner of `own` sees it. */
function incompatibility(own: Hello, peer: Hello): Refusal | undefined {
  const refuse = (code: RefusalCode, detail: string): Refusal => ({ code, detail });
  if (peer.versionMin > PROTOCOL_VERSION || peer.version < PROTOCOL_VERSION_MIN) {
    const speaks = (hello: Hello) => `${hello.name} speaks protocol versions ${hello.versionMin} to ${hello.version}`;
    return refuse('version', `${speaks(peer)}, ${speaks(own)}`);
  }
  if (peer.replica === own.replica) return refuse('self', `${own.name} has dialed itself; take its URL out of --peers`);
  if (peer.name === own.name) return refuse('name', `two servers have the name ${own.name}; give each its own --name`);
  if (own.established && peer.established && own.clusterId !== peer.clusterId) {
    return refuse('cluster', `${peer.name} is of cluster ${peer.clusterId}, ${own.name} of cluster ${own.clusterId}`);
  }
  if (peer.settingsHash !== own.settingsHash) {
    return refuse('settings', `the cluster settings of ${peer.name} and ${own.name} differ`);
  }
  const difference = differenceOfVoters(own, peer);
  if (difference !== undefined) return refuse('settings', difference);
  const apartMs = Math.abs(peer.wallMs - own.wallMs);
  if (apartMs > LIMITS.clockDriftMsMax) {
    const detail = `the clocks of ${peer.name} and ${own.name} are ${apartMs} ms apart; at most ${LIMITS.clockDriftMsMax} ms are allowed`;
    return refuse('clock', detail);
  }
  return undefined;
}

/** Two sets of voters may have two majorities that know nothing of each other. A later set than one's own is the right one. */
function differenceOfVoters(own: Hello, peer: Hello): string | undefined {
  const [ours, theirs] = [own.configuration, peer.configuration];
  if (ours.number === 0 && theirs.number === 0) {
    if (own.size === peer.size) return undefined;
    return `--peers and its own name make ${peer.size} servers on ${peer.name}, ${own.size} on ${own.name}`;
  }
  if (ours.number !== theirs.number || sameNames(ours.voters, theirs.voters)) return undefined;
  const said = (name: string, voters: readonly string[]) => `${name} knows ${voters.join(', ')} as voters`;
  return `${said(peer.name, theirs.voters)}, ${said(own.name, ours.voters)}`;
}

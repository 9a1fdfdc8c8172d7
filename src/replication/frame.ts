/**
 * What two servers say to each other. A frame arrives whole or not at all; nothing else is assumed, so every frame may
 * be lost, repeated or late without harm (SPEC.md). `frame-codec.ts` turns frames into bytes.
 */
import type { ReplicaId } from '../../base/ids.ts';
import type { Commit, PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { Configuration } from './configuration.ts';
import type { Fragment } from './fragments.ts';

/** Range of protocol versions that this program speaks. */
export const PROTOCOL_VERSION = 4;
export const PROTOCOL_VERSION_MIN = 1;
/** The first version that knows of traces: nobody who speaks an earlier one is sent any. */
export const TRACES_VERSION = 2;
/** The first version in which a strong read says what it saw for sure. */
export const READ_BOUNDS_VERSION = 3;
/** The first version in which who makes a state says so when he is asked for it again. */
export const STATE_PENDING_VERSION = 4;

/** Why a server does not talk to another one, or no longer. Sent before closing, shown in the status of both. */
export type RefusalCode =
  /** No common protocol version. */
  | 'version'
  /** Another cluster, which both belong to for good. */
  | 'cluster'
  /** The cluster secrets differ. */
  | 'secret'
  /** Settings that must be equal differ. */
  | 'settings'
  /** Wall clocks are further apart than the drift limit. */
  | 'clock'
  /** Another server has this name, or the servers listed in `--peers` are all known under other names. */
  | 'name'
  /** The server has dialed itself. */
  | 'self'
  /** There is a link between the two already. */
  | 'duplicate'
  /** A frame could not be decoded, or does not belong here. */
  | 'bad-frame'
  /** Nothing was heard for too long. */
  | 'silent'
  /** The server stops. */
  | 'stopping';

/** Who a server is. */
export interface Hello {
  readonly kind: 'hello';
  readonly version: number;
  readonly versionMin: number;
  readonly name: string;
  readonly replica: ReplicaId;
  /** Empty before the server was ever linked to another one. */
  readonly clusterId: string;
  /** True once all voters were seen with this cluster id: from then on it never changes. */
  readonly established: boolean;
  /** SHA-256 of the settings that must be equal, hexadecimal. */
  readonly settingsHash: string;
  /** How many servers it was told of, itself included. */
  readonly size: number;
  /** Who votes, as far as it knows. */
  readonly configuration: Configuration;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** 16 random bytes. */
  readonly nonce: Uint8Array;
}

export type Frame =
  | Hello
  /** Shows knowledge of the cluster secret: an HMAC over both hellos. */
  | { readonly kind: 'proof'; readonly mac: Uint8Array }
  | { readonly kind: 'refuse'; readonly code: RefusalCode; readonly detail: string }
  | Status
  | Acknowledge
  | { readonly kind: 'commits'; readonly commits: readonly Commit[] }
  /** The log of the sender no longer reaches back to what the receiver lacks: it should ask for state. */
  | { readonly kind: 'behind' }
  | StateFrame
  | DigestFrame
  | QuorumFrame
  | TracesFrame
  | Fragment;

/** Frames but those of commits, whose bytes are made once for all links. */
export type PlainFrame = Exclude<Frame, { readonly kind: 'commits' }>;

/** Sign of life with everything that the other side must know; sent when a link is up, then periodically. */
export interface Status {
  readonly kind: 'status';
  readonly clusterId: string;
  readonly established: boolean;
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  /** Replicas with which the sender has a link: their commits need no relay. */
  readonly direct: readonly ReplicaId[];
  readonly wallMs: number;
  /** The sender misses commits that were sent: begin again after `vector`. */
  readonly resend: boolean;
}

/** Entries of the sender's vector that moved: everything up to them is durable there. */
export interface Acknowledge {
  readonly kind: 'acknowledge';
  readonly entries: VersionVector;
}

/**
 * State transfer. The receiver asks, the sender keeps nothing between requests. `request` is a number that the receiver
 * drew for one transfer or repair and that answers repeat: a late answer to an earlier one may hold less than this one's
 * vector says.
 */
export type StateFrame =
  /** Asks for the partitions after this one in the sender's order. */
  | { readonly kind: 'list-state'; readonly request: number; readonly after: PartitionKey | undefined }
  | {
      readonly kind: 'state-list';
      readonly request: number;
      readonly after: PartitionKey | undefined;
      readonly partitions: readonly PartitionKey[];
      /** False on the last page. */
      readonly more: boolean;
      /** What every state that is asked for from now on covers. */
      readonly vector: VersionVector;
      readonly retired: VersionVector;
      readonly clock: number;
    }
  /** Asks for a slice of what the partition holds beyond a state vector. */
  | {
      readonly kind: 'get-state';
      readonly request: number;
      readonly key: PartitionKey;
      readonly stateVector: Uint8Array;
      readonly offset: number;
    }
  | {
      readonly kind: 'state';
      readonly request: number;
      readonly key: PartitionKey;
      readonly offset: number;
      readonly bytes: Uint8Array;
      /** Of the whole state. */
      readonly length: number;
      /** CRC-32 of the whole state, which also tells slices of different states apart. */
      readonly checksum: number;
      /** The state holds nothing beyond this. */
      readonly vector: VersionVector;
    }
  | StatePending;

/** Says to a request that is repeated that its answer is being made. */
export interface StatePending {
  readonly kind: 'state-pending';
  readonly request: number;
  readonly key: PartitionKey;
}

/** Compares one partition; whoever has the same vector and another digest asks for its state. */
export interface DigestFrame {
  readonly kind: 'digest';
  readonly key: PartitionKey;
  readonly digest: string;
  readonly vector: VersionVector;
}

/** A message between those who decide strong operations (`src/consistency/`), which replication only carries. */
export interface QuorumFrame {
  readonly kind: 'quorum';
  readonly body: Uint8Array;
  /** `traceparent` of what it belongs to. */
  readonly trace?: string;
}

/** Which requests wrote commits that follow; nothing rests on it. */
export interface TracesFrame {
  readonly kind: 'traces';
  readonly traces: readonly CommitTrace[];
}

export interface CommitTrace {
  readonly origin: ReplicaId;
  readonly seq: number;
  /** `traceparent` of the span that sends it. */
  readonly trace: string;
}

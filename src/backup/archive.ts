/**
 * A backup as bytes: a line that names the format, then records, each with its length and checksum, the first of which is the
 * header and the last the end, which counts the others and has the digest of all bytes before it. So a file that is cut
 * off, or in which any bit is another one, is never taken for a backup. docs/operations/backup.md has the layout.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { decode, encode } from '@msgpack/msgpack';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Commit, PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { decodeCommit, encodeCommit } from '../replication/frame-codec.ts';

const MAGIC = toUtf8('weft backup 1\n');
const TYPES = { header: 1, partition: 2, commit: 3, end: 4 } as const;
const HEAD_BYTES = 5;
const CHECKSUM_BYTES = 4;

export interface BackupHeader {
  readonly kind: 'full' | 'incremental';
  /** Of this backup alone. */
  readonly id: string;
  /** Name and incarnation of the server that made it. */
  readonly server: string;
  readonly replica: ReplicaId;
  /** When it was begun, by the clock of that server. */
  readonly madeMs: number;
  /** All commits that are in it and in those before it. */
  readonly vector: VersionVector;
  /** Streams among them that had ended. */
  readonly retired: VersionVector;
  /** A reading of the hybrid clock that is not before any of their stamps. */
  readonly clock: number;
  /** Of an incremental one: the backup that it goes on from. */
  readonly since: string | undefined;
}

export type BackupRecord =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  /** Yjs updates that together are the document of a partition. */
  | { readonly kind: 'partition'; readonly key: PartitionKey; readonly updates: readonly Uint8Array[] }
  | { readonly kind: 'commit'; readonly commit: Commit };

export class ArchiveWriter {
  readonly #digest = createHash('sha256');
  #records = 0;

  begin(header: BackupHeader): Uint8Array {
    this.#digest.update(MAGIC);
    return Buffer.concat([MAGIC, this.#record(TYPES.header, toUtf8(headerText(header)))]);
  }

  partition({ graphKey, partition }: PartitionKey, updates: readonly Uint8Array[]): Uint8Array {
    return this.#record(TYPES.partition, encode([graphKey, partition, updates]));
  }

  commit(commit: Commit): Uint8Array {
    return this.#record(TYPES.commit, encodeCommit(commit));
  }

  end(): Uint8Array {
    const sha256 = this.#digest.copy().digest('hex');
    return this.#record(TYPES.end, toUtf8(JSON.stringify({ records: this.#records, sha256 })));
  }

  #record(type: number, payload: Uint8Array): Uint8Array {
    const record = Buffer.alloc(HEAD_BYTES + payload.length + CHECKSUM_BYTES);
    record[0] = type;
    record.writeUInt32LE(payload.length, 1);
    record.set(payload, HEAD_BYTES);
    const end = HEAD_BYTES + payload.length;
    record.writeUInt32LE(crc32(record.subarray(0, end)), end);
    this.#digest.update(record);
    this.#records++;
    return record;
  }
}

/**
 * The records of a backup in order, each verified; ends only after the whole was.
 * @throws WeftError `data-corrupt` that says what is wrong
 */
export async function* readArchive(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BackupRecord> {
  const bytes = new ChunkReader(chunks);
  const digest = createHash('sha256');
  const magic = await bytes.take(MAGIC.length);
  if (magic === undefined || !Buffer.from(MAGIC).equals(magic))
    throw broken('it is no backup of weft, or of another format');
  digest.update(magic);
  for (let records = 0; ; records++) {
    const head = await bytes.take(HEAD_BYTES);
    const length = head?.readUInt32LE(1) ?? 0;
    if (length > LIMITS.backupRecordBytesMax) throw broken(`record ${records} claims ${length} bytes`);
    const rest = head && (await bytes.take(length + CHECKSUM_BYTES));
    if (head === undefined || rest === undefined) throw broken('it is cut off: it has no end');
    const payload = rest.subarray(0, length);
    if (crc32(payload, crc32(head)) !== rest.readUInt32LE(length))
      throw broken(`record ${records} has a wrong checksum`);
    const type = head[0];
    if ((type === TYPES.header) !== (records === 0)) throw broken(`record ${records} is out of place`);
    if (type === TYPES.end) {
      const end = JSON.parse(fromUtf8(payload)) as { readonly records: number; readonly sha256: string };
      if (end.records !== records || end.sha256 !== digest.digest('hex')) throw broken('its end does not fit to it');
      if (!(await bytes.isAtEnd())) throw broken('something follows its end');
      return;
    }
    digest.update(head).update(rest);
    yield recordOf(type, payload, records);
  }
}

function recordOf(type: number | undefined, payload: Uint8Array, at: number): BackupRecord {
  try {
    switch (type) {
      case TYPES.header:
        return { kind: 'header', header: parseHeader(fromUtf8(payload)) };
      case TYPES.partition: {
        const [graphKey, partition, updates] = decode(payload) as [string, PartitionId, Uint8Array[]];
        return { kind: 'partition', key: { graphKey, partition }, updates };
      }
      case TYPES.commit:
        return { kind: 'commit', commit: decodeCommit(payload) };
      default:
        throw broken(`record ${at} is of a kind that is not known`);
    }
  } catch (cause) {
    if (cause instanceof WeftError && cause.code === 'data-corrupt') throw cause;
    throw new WeftError('data-corrupt', `record ${at} of the backup cannot be read`, {}, cause);
  }
}

function headerText({ vector, retired, ...rest }: BackupHeader): string {
  return JSON.stringify({ ...rest, vector: Array.from(vector), retired: Array.from(retired) });
}

function parseHeader(text: string): BackupHeader {
  const { vector, retired, since, ...rest } = JSON.parse(text) as Omit<BackupHeader, 'vector' | 'retired'> & {
    readonly vector: [ReplicaId, number][];
    readonly retired: [ReplicaId, number][];
  };
  return { ...rest, vector: new Map(vector), retired: new Map(retired), since };
}

function broken(why: string): WeftError {
  return new WeftError('data-corrupt', `the backup is damaged: ${why}`);
}

/** Takes exactly as many bytes as are asked for, of chunks of any size. */
class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer[] = [];
  #bytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Undefined if there are fewer. */
  async take(count: number): Promise<Buffer | undefined> {
    while (this.#bytes < count) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#held.push(Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength));
      this.#bytes += next.value.byteLength;
    }
    const all = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [all.subarray(count)];
    this.#bytes -= count;
    return all.subarray(0, count);
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.take(1)) === undefined;
  }
}

/** What frames between servers say, for faults that wait for one of them, and whom they are about. */
import type { PartitionId } from '../../base/ids.ts';
import type { Message } from '../../src/consistency/message.ts';
import { decodeMessage } from '../../src/consistency/message-codec.ts';
import type { Frame } from '../../src/replication/frame.ts';
import { decodeFrame } from '../../src/replication/frame-codec.ts';
import { rendezvousOrder } from '../../src/replication/rendezvous.ts';
import { DEFAULT } from '../client.ts';

export function kindOf(bytes: Uint8Array): Frame['kind'] {
  return decodeFrame(bytes).kind;
}

/** What servers say to each other to decide, if the frame holds such a thing. */
export function messageIn(bytes: Uint8Array): Message | undefined {
  const frame = decodeFrame(bytes);
  return frame.kind === 'quorum' ? decodeMessage(frame.body) : undefined;
}

/** Proposes a change, not only that nothing has changed. */
export const changes = (message: Message): boolean => message.kind === 'accept' && message.patches.length > 0;

const OF_BALLOTS: readonly Message['kind'][] = [
  'prepare',
  'promised',
  'accept',
  'accepted',
  'refused',
  'ask',
  'answer',
];

/** What is said of one ballot, and not of who votes or what is settled. */
export function isOfBallot({ kind }: Message): boolean {
  return OF_BALLOTS.includes(kind);
}

/** The order in which servers lead the graph that clients use. */
export function leadingOrder(names: readonly string[]): string[] {
  return rendezvousOrder({ graphKey: DEFAULT, partition: '' as PartitionId }, names);
}

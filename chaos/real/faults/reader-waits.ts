/**
 * A reader on the server that never leads waits for its disk, which stands still: beside it are writes that the others do not have yet,
 * and a strong one that was decided without them comes in meanwhile. The servers come in the order in which they lead.
 */
import type { Frame } from '../../../src/replication/frame.ts';
import { ownDisksImpossible } from '../disks/own-disk.ts';
import { aimed, Missed, quorumMessage } from './real-aim.ts';

type Three = readonly [first: string, second: string, third: string];

/** For what was sent before to arrive. */
const ARRIVES_MS = 60;
/** For all who write on the third to have begun to. */
const WRITTEN_MS = 300;
const ANSWERED_MS = 300;

const isPosition = (frame: Frame): boolean => {
  const message = quorumMessage(frame);
  return message?.kind === 'answer' && message.reply.kind === 'position';
};
const isWrite = (frame: Frame): boolean => {
  const message = quorumMessage(frame);
  return message?.kind === 'ask' && message.request.kind === 'write';
};

export const readerWaits = aimed(
  {
    name: 'reader-waits',
    about: 'readers wait for a disk that stands still, while writes come in that were decided without what they saw',
    servers: 3,
    onOwnDisks: true,
    impossible: ownDisksImpossible,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    const disk = aim.cluster.disk(third);
    // What the second writes beside them would hide the difference.
    aim.keepCommits(second, first);
    const positions = aim.keep(first, third, isPosition);
    await aim.until(`reader on ${third}`, () => positions.count > 0);
    await aim.wait(ARRIVES_MS);
    await disk.freeze();
    try {
      aim.note(`the disk of ${third} stood still, before ${positions.count} readers knew where ${first} was`);
      await aim.sees(first, second, ({ kind }) => kind === 'settled');
      aim.note(`${first} decided something`);
      await aim.wait(WRITTEN_MS);
      // As good as nothing is decided from now on until they have their answer.
      const writes = [second, third].map((from) => aim.keep(from, first, isWrite));
      positions.letPass();
      await aim.wait(ARRIVES_MS);
      const asks = aim.sees(third, first, (message) => message.kind === 'ask' && message.request.kind === 'confirm');
      asks.catch(() => undefined);
      if (!(await disk.thaw())) throw new Missed(`sync that hung`);
      await asks;
      aim.note(`the disk of ${third} went on, and readers asked whether that held`);
      await aim.wait(ARRIVES_MS);
      for (const { letPass } of writes) letPass();
      await aim.wait(ANSWERED_MS);
    } finally {
      await disk.thaw();
    }
  },
);

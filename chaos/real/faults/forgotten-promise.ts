/**
 * The third promises the second to hear the first no longer, and loses power before that is on its disk. The first, which has not heard
 * of it, decides one thing more with the third; then the second comes with what it was promised for. The servers come in the order
 * in which they lead.
 */

import { seqOf, type VersionVector } from '../../../src/commits/version-vector.ts';
import { type Ballot, compareBallots, laterBallot, NO_BALLOT } from '../../../src/consistency/ballot.ts';
import type { Message } from '../../../src/consistency/message.ts';
import { changes } from '../../faults/messages.ts';
import { ownDisksImpossible } from '../disks/own-disk.ts';
import { aimed, Missed, type RealAim } from './real-aim.ts';

type Three = readonly [first: string, second: string, third: string];

/** For the answer of a server whose disk stands still: one that waits for its disk gives none. */
const PROMISED_MS = 300;
/** For an answer to reach its client. */
const ARRIVES_MS = 100;
/** The second gives each ballot up after some two seconds. */
const BALLOTS_MS_MAX = 12_000;
const BACK_MS_MAX = 6_000;
const DECIDED_MS_MAX = 6_000;
const READ_MS = 2_000;

export const forgottenPromise = aimed(
  {
    name: 'forgotten-promise',
    about:
      'a server loses power right after it promised something, and votes once more for whom it had promised to hear no longer',
    servers: 3,
    onOwnDisks: true,
    impossible: ownDisksImpossible,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    const disk = aim.cluster.disk(third);
    const { letPrepare, letFirst } = await keepPrepare(aim, order as Three);
    await disk.freeze();
    try {
      let letSecond = (): void => undefined;
      let isPromised = false;
      aim.hear(third, second, ({ kind }) => {
        if (kind !== 'promised' || isPromised) return true;
        isPromised = true;
        // It is on its way: the connection ends behind it.
        void aim.wait(0).then(() => {
          letSecond = aim.part([second], [third]);
        });
        return true;
      });
      letPrepare();
      await aim.wait(PROMISED_MS);
      if (!isPromised) letSecond = aim.part([second], [third]);
      const lost = await disk.cut(() => aim.cluster.server(third).kill());
      if (lost === undefined) throw new Missed(`loss of power of ${third}`);
      aim.note(
        `${third} lost power when it was to promise ${second} something: ${isPromised ? 'it had' : 'it had not'}`,
      );
      const decided = decidesOnce(aim, first, third);
      letFirst();
      await aim.cluster.server(third).start();
      await aim.within(BACK_MS_MAX + DECIDED_MS_MAX, `decision of ${first} and ${third}`, decided);
      await aim.wait(ARRIVES_MS);
      aim.part([first], [third]);
      aim.note(`${first} decided something with ${third}`);
      letSecond();
      await aim.sees(third, second, ({ kind }) => kind === 'accepted' || kind === 'promised', DECIDED_MS_MAX);
      aim.note(`${third} was asked by ${second}`);
      await aim.wait(READ_MS);
    } finally {
      await disk.thaw();
    }
  },
);

/**
 * Cuts the first off while it asks nobody anything, and keeps what the second asks then, until that has a ballot which is later than
 * whatever the first needs for one decision more.
 */
async function keepPrepare(
  aim: RealAim,
  [first, second, third]: Three,
): Promise<{ readonly letPrepare: () => void; readonly letFirst: () => void }> {
  /** The first's next ballot, and what it has asked the third and not heard of. */
  let next = NO_BALLOT;
  const open = new Set<string>();
  const nameOf = ({ kind, ballot, round }: { kind: string; ballot: Ballot; round?: number }) =>
    `${kind} ${ballot.counter} ${round ?? ''}`;
  let prepare: { readonly ballot: Ballot; readonly pass: () => void } | undefined;
  aim.hear(first, third, (message) => {
    if (message.kind === 'accept') next = laterBallot(next, message.next);
    if (message.kind === 'prepare' && message.cover.size === 0) next = laterBallot(next, message.ballot);
    if (message.kind === 'accept' || message.kind === 'prepare') open.add(nameOf(message));
    return true;
  });
  aim.hear(third, first, (message) => {
    if (message.kind === 'accepted') open.delete(nameOf({ ...message, kind: 'accept' }));
    if (message.kind === 'promised') open.delete(nameOf({ ...message, kind: 'prepare' }));
    if (message.kind === 'refused') open.clear();
    return true;
  });
  const end = aim.hear(second, third, (message, pass) => {
    if (message.kind !== 'prepare' || next.counter === 0 || compareBallots(message.ballot, next) < 0) return true;
    prepare = { ballot: message.ballot, pass };
    return false;
  });
  await aim.until(`ballot of ${first}`, () => next.counter > 0);
  aim.part([first], [second]);
  await aim.until(`ballot of ${second}`, () => prepare !== undefined);
  await aim.until(`moment in which ${first} asks nothing`, () => open.size === 0);
  const letFirst = aim.part([first], [third]);
  const isLater = () => (prepare?.ballot.counter ?? 0) >= next.counter + 2;
  if (!(await aim.cluster.world.until(BALLOTS_MS_MAX, isLater, 10))) throw new Missed(`later ballot of ${second}`);
  aim.note(`${first} was cut off with ballot ${next.counter}, and ${second} asks for ${prepare?.ballot.counter}`);
  return {
    letFirst,
    letPrepare: () => {
      end();
      prepare?.pass();
    },
  };
}

/** Resolves when the two have decided a change, of which the third gets no commit; nothing more is decided by them. */
function decidesOnce(aim: RealAim, first: string, third: string): Promise<void> {
  let decided: (Message & { readonly kind: 'accept' }) | undefined;
  let cover: VersionVector | undefined;
  aim.hear(first, third, (message) => {
    if (decided !== undefined) return message.kind !== 'accept' && message.kind !== 'prepare';
    if (message.kind === 'accept' && changes(message)) {
      decided = message;
      cover = message.cover;
    }
    return true;
  });
  aim.keep(first, third, (frame) => {
    const held = cover;
    return (
      held !== undefined &&
      frame.kind === 'commits' &&
      frame.commits.some(({ origin, seq }) => seqOf(held, origin) < seq)
    );
  });
  return new Promise((resolve) => {
    aim.hear(third, first, (message) => {
      if (message.kind === 'accepted' && decided !== undefined && compareBallots(message.ballot, decided.ballot) === 0)
        resolve();
      return true;
    });
  });
}

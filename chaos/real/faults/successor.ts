/**
 * Two servers that began to lead equally often since they started lead one after the other, while a reader on the third is between the
 * position that the first told it and the question whether that holds. The servers come in the order in which they lead.
 */
import { seqOf, type VersionVector } from '../../../src/commits/version-vector.ts';
import type { Message } from '../../../src/consistency/message.ts';
import { bringBack } from './processes.ts';
import { aimed, type KeptFrames, Missed, type RealAim } from './real-aim.ts';

type Three = readonly [first: string, second: string, third: string];
type OfKind<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

/** What a place tells beside who leads (`src/consistency/era-changes.ts`). */
const ERAS_MAX = 2 ** 21;
/** For what was sent before to arrive. */
const ARRIVES_MS = 60;
const ANSWERED_MS = 500;
/** Writes that the reader sees and the second does not: more than the second sees by then that the reader does not. */
const BESIDE = 6;

const isPosition = (message: Message): message is OfKind<'answer'> =>
  message.kind === 'answer' && message.reply.kind === 'position';
const isBeginning = (message: Message): message is OfKind<'prepare'> =>
  message.kind === 'prepare' && message.cover.size === 0;

export const successor = aimed(
  {
    name: 'successor',
    about: 'who leads is lost between the two questions of a reader, whose successor began to lead as often as it had',
    servers: 3,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    await restart(aim, first);
    const begun = countBeginnings(aim, second, [first, third]);
    await restart(aim, second);
    // The reader waits for what the first held when it told where it is.
    const ofSecond = aim.keepCommits(second, third);
    await aim.until(`commit of ${second}`, () => ofSecond.count > 0);
    await aim.wait(ARRIVES_MS);
    const { reply } = await aim.sees(first, third, isPosition);
    if (reply.kind !== 'position') return;
    const era = reply.place.era % ERAS_MAX;
    await aim.wait(ARRIVES_MS);
    aim.part([first], [second, third]);
    aim.note(`${first} was cut off in its era ${era}, after ${reply.place.changes} changes`);
    const ofThird = keepLaterCommits(aim, [third, second], () => begun() >= era);
    await aim.until(`commits of ${third}`, () => ofThird.count >= BESIDE);
    if (begun() !== era) throw new Missed(`era ${era} of ${second}, which is in ${begun()}`);
    // Now the reader reads, with what was written beside it; its next question waits for that at the second.
    ofSecond.letPass();
    await aim.sees(second, third, ({ kind }) => kind === 'settled');
    aim.note(`${second} decided without what the reader saw, in its era ${begun()}`);
    await aim.wait(ARRIVES_MS);
    ofThird.letPass();
    await aim.wait(ANSWERED_MS);
  },
);

async function restart({ cluster }: RealAim, name: string): Promise<void> {
  await cluster.server(name).kill();
  await bringBack(cluster, [name]);
}

/** How often a server that starts now has begun to lead: each time it asks anew for promises. */
function countBeginnings(aim: RealAim, from: string, to: readonly string[]): () => number {
  const ballots = new Set<number>();
  for (const other of to) {
    aim.hear(from, other, (message) => {
      if (isBeginning(message)) ballots.add(message.ballot.counter);
      return true;
    });
  }
  return () => ballots.size;
}

/** Of what a server gets after the promise with which the other one leads, nothing arrives; until `mayLead` it promises nothing. */
function keepLaterCommits(aim: RealAim, [from, to]: readonly [string, string], mayLead: () => boolean): KeptFrames {
  let promised: VersionVector | undefined;
  aim.hear(from, to, (message) => {
    if (message.kind !== 'promised') return true;
    if (!mayLead()) return false;
    promised ??= message.vector;
    return true;
  });
  return aim.keep(from, to, (frame) => {
    const held = promised;
    return (
      held !== undefined &&
      frame.kind === 'commits' &&
      frame.commits.some(({ origin, seq }) => seqOf(held, origin) < seq)
    );
  });
}

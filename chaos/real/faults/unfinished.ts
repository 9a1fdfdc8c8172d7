/**
 * The server that leads is cut off while it proposes, so that nobody else knows of its proposal; the others go on without it, and it is
 * back while its client still waits. The servers come in the order in which they lead.
 */
import { type Ballot, compareBallots } from '../../../src/consistency/ballot.ts';
import type { Message } from '../../../src/consistency/message.ts';
import { changes, kindOf } from '../../faults/messages.ts';
import { aimed, type RealAim } from './real-aim.ts';

type Three = readonly [first: string, second: string, third: string];

/** By then a client has its answer, or a disk a commit. */
const ARRIVES_MS = 150;
/** By then what the first finishes is answered, and read. */
const ANSWERED_MS = 500;
/** A second that began to decide a change does not come to it. */
const READ_MS_MAX = 1_500;
const PROPOSED_MS_MAX = 15_000;
/** Writes that a reader sees and that the first had not seen: more than the other way round. */
const BESIDE = 4;

const isSettled = (message: Message): boolean => message.kind === 'settled';

interface CutOff {
  readonly ballot: Ballot;
  /** Lets it back to some. */
  letBack(to: string): void;
}

/** Resolves once the first is cut off with a change that only its own clients wait for. */
async function cutOffProposing(aim: RealAim, [first, ...others]: readonly string[]): Promise<CutOff> {
  const from = first as string;
  /** Writes that others have asked the first for: they would hear that it is lost. */
  const open = new Set<string>();
  const parted = new Map<string, () => void>();
  const proposed = new Promise<Ballot>((resolve) => {
    for (const to of others) {
      aim.hear(to, from, (message) => {
        if (message.kind === 'ask' && message.request.kind === 'write') open.add(`${to} ${message.id}`);
        return true;
      });
      aim.hear(from, to, (message) => {
        if (message.kind === 'answer') open.delete(`${to} ${message.id}`);
        if (parted.size > 0 || message.kind !== 'accept' || !changes(message) || open.size > 0) return true;
        for (const other of others) parted.set(other, aim.part([from], [other]));
        resolve(message.ballot);
        return false;
      });
    }
  });
  const ballot = await aim.within(PROPOSED_MS_MAX, `proposal of ${from}`, proposed);
  aim.note(`${from} was cut off while it proposed`);
  return { ballot, letBack: (to) => parted.get(to)?.() };
}

/** Until the first has finished, or given up, what it proposed: it proposes with a later ballot. */
async function goesOn(aim: RealAim, first: string, others: readonly string[], { ballot }: CutOff): Promise<void> {
  const isLater = (message: Message): boolean =>
    message.kind === 'accept' && compareBallots(message.ballot, ballot) > 0;
  await aim.sees(first, others, isLater);
  aim.note(`${first} is back, and proposes`);
  await aim.wait(ANSWERED_MS);
}

/** The others decide something meanwhile, and have it in their documents. */
export const unfinished = aimed(
  {
    name: 'unfinished',
    about: 'the server that leads is cut off while it proposes, until the others decided something else',
    servers: 3,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    const cutOff = await cutOffProposing(aim, order);
    await aim.sees(second, third, isSettled);
    await aim.wait(ARRIVES_MS);
    aim.note(`${second} decided something else`);
    for (const other of [second, third]) cutOff.letBack(other);
    await goesOn(aim, first, [second, third], cutOff);
  },
);

/** The others decide no change meanwhile, but read; then the third knows the first alone. */
export const finishedLate = aimed(
  {
    name: 'finished-late',
    about: 'the server that leads is cut off while it proposes, until somebody read what the others hold',
    servers: 3,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    const cutOff = await cutOffProposing(aim, order);
    // Neither is anything else decided: whoever is about to decide a change answers no reader.
    aim.hear(second, third, (message) => !changes(message));
    aim.hear(third, second, (message) => message.kind !== 'ask' || message.request.kind !== 'write');
    // Nobody leads before enough was written that the first did not know of.
    await aim.within(PROPOSED_MS_MAX, `commit of ${second} or ${third}`, untilWritten(aim, second, third));
    // What a reader saw must be held by a majority.
    const isReading = (message: Message): boolean =>
      (message.kind === 'prepare' || (message.kind === 'accept' && !changes(message))) && message.cover.size > 0;
    await aim.sees(second, third, isReading, READ_MS_MAX);
    await aim.sees(third, second, ({ kind }) => kind === 'promised' || kind === 'accepted');
    await aim.wait(ARRIVES_MS);
    aim.note(`somebody read under ${second}`);
    aim.part([second], [third]);
    cutOff.letBack(third);
    await goesOn(aim, first, [third], cutOff);
  },
);

/** Nobody promises the second anything until then. */
async function untilWritten(aim: RealAim, second: string, third: string): Promise<void> {
  const kept: (() => void)[] = [];
  const letPromise = aim.hear(third, second, ({ kind }, pass) => {
    if (kind === 'promised') kept.push(pass);
    return kind !== 'promised';
  });
  let commits = 0;
  await new Promise<void>((resolve) => {
    for (const [from, to] of [
      [second, third],
      [third, second],
    ] as const) {
      aim.tap(from, to, (frame) => {
        if (kindOf(frame) === 'commits' && ++commits >= BESIDE) resolve();
        return true;
      });
    }
  });
  letPromise();
  for (const pass of kept) pass();
}

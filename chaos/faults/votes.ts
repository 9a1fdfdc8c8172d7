/**
 * Faults aimed at votes. The servers come in the order in which they lead a graph: the first does, and the second takes over
 * when it is lost.
 */
import type { Message } from '../../src/consistency/message.ts';
import type { Server } from '../cluster.ts';
import { aimed } from './aim.ts';
import { changes, kindOf, messageIn } from './messages.ts';

type Three = readonly [first: Server, second: Server, witness: Server];
type Others = readonly [first: Server, second: Server, ...others: Server[]];

const SLOW_MS = 300;
/** By then another one leads and has decided something. */
const TAKEN_OVER_MS = 1_500;

/**
 * First and second are cut off from each other; the witness, whose disk is slow, loses power right after it accepted. Then nobody
 * but the first knows what was decided, and it is cut off.
 */
export const forgottenAcceptance = aimed(
  { name: 'forgotten-acceptance', everyMs: 1_500, lastsMs: 2_500, servers: 3 },
  (aim, order) => {
    const [first, second, witness] = order as Three;
    aim.part([first], [second]);
    aim.slowDisk(witness, SLOW_MS);
    const strikeMs = aim.random.between(20, SLOW_MS);
    // Some go by, so that it is in the middle of them.
    let left = 1 + aim.random.below(4);
    aim.upon(
      [witness, first],
      ({ kind }) => kind === 'accepted' && --left === 0,
      () =>
        aim.after(strikeMs, () => {
          aim.part([first], [witness]);
          aim.losePower(witness);
          aim.endAfter(TAKEN_OVER_MS);
        }),
    );
  },
);

/**
 * First and second are cut off from each other. The witness promises the second to hear the first no longer, and loses power right
 * then. The first has one more thing decided before the second comes with what it was promised for.
 */
export const forgottenPromise = aimed(
  { name: 'forgotten-promise', everyMs: 1_000, lastsMs: 4_000, servers: 3 },
  (aim, order) => {
    const [first, second, witness] = order as Three;
    aim.part([first], [second]);
    aim.upon(
      [witness, second],
      ({ kind }) => kind === 'promised',
      () => {
        aim.losePower(witness);
        aim.tap([second, witness], (frame) => messageIn(frame)?.kind !== 'accept');
        aim.upon(
          [witness, first],
          ({ kind }) => kind === 'accepted',
          () => {
            aim.cut([[first, witness]]);
            aim.tap([second, witness], () => true);
            aim.endAfter(TAKEN_OVER_MS);
          },
        );
      },
    );
  },
);

/** The first is cut off while it proposes, so that nobody else knows of what it proposed, until the others decided something. */
export const unfinished = aimed({ name: 'unfinished', everyMs: 1_500, lastsMs: 2_500, servers: 3 }, (aim, order) => {
  const [first, second, ...others] = order as Others;
  aim.upon([first, second], changes, () => aim.part([first], [second, ...others]));
});

/** As `unfinished`, but only until somebody read under the second: then the first finishes what no reader knew of. */
export const finishedLate = aimed(
  { name: 'finished-late', everyMs: 1_500, lastsMs: 4_000, servers: 3 },
  (aim, order) => {
    const [first, second, third] = order as Three;
    const mendsMs = aim.random.between(20, 150);
    // What a reader saw must be held by a majority.
    const isReading = (message: Message): boolean =>
      (message.kind === 'prepare' || message.kind === 'accept') && message.cover.size > 0;
    aim.upon([first, second], changes, () => {
      const mend = aim.part([first], order.slice(1));
      aim.upon([second, third], isReading, () => {
        aim.after(mendsMs, mend);
        aim.endAfter(mendsMs + TAKEN_OVER_MS);
      });
    });
  },
);

/** Of what the first says only votes arrive, and no commit that they rest on; then it is cut off. */
export const votesAlone = aimed({ name: 'votes-alone', everyMs: 1_500, lastsMs: 3_000, servers: 3 }, (aim, order) => {
  const [first, ...others] = order as Others;
  for (const other of others) aim.tap([first, other], (frame) => kindOf(frame) !== 'commits');
  aim.after(aim.random.between(100, 600), () => aim.part([first], others));
});

/**
 * Two that have not led yet since they started lead one after the other: the first tells a reader where it is, and dies. The
 * reader waits for its disk meanwhile, and asks the second whether that holds.
 */
export const successor = aimed({ name: 'successor', everyMs: 1_500, lastsMs: 3_000, servers: 3 }, (aim, order) => {
  const [first, second] = order as Others;
  const reader = order.at(-1) as Server;
  for (const server of [second, first]) aim.restart(server);
  aim.slowDisk(reader, SLOW_MS);
  let left = 1 + aim.random.below(6);
  const isPosition = (message: Message): boolean => message.kind === 'answer' && message.reply.kind === 'position';
  aim.upon(
    [first, reader],
    (message) => isPosition(message) && --left === 0,
    () => aim.after(aim.random.between(50, 200), () => aim.kill(first)),
  );
});

/** Whoever never leads waits for its disk all the time, while much comes in that the others decide without it. */
export const slowReader = aimed({ name: 'slow-reader', everyMs: 1_000, lastsMs: 3_000, servers: 3 }, (aim, order) =>
  aim.slowDisk(order.at(-1) as Server, aim.random.between(100, 2 * SLOW_MS)),
);

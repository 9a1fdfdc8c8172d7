/** Votes overtake the commits that they rest on. The servers come in the order in which they lead. */
import { changes } from '../../faults/messages.ts';
import { aimed } from './real-aim.ts';

type Three = readonly [first: string, second: string, third: string];

/** For several decisions one after the other. */
const ALONE_MS = 1_000;
/** For clients to read what the others hold. */
const READ_MS = 1_000;

export const votesAlone = aimed(
  {
    name: 'votes-alone',
    about: 'of what the server that leads says only votes arrive, and no commit that they rest on; then it is cut off',
    servers: 3,
  },
  async (aim, order) => {
    const [first, second, third] = order as Three;
    const lost = [second, third].map((other) => aim.keepCommits(first, other));
    await Promise.all([second, third].map((other) => aim.sees(first, other, changes)));
    await aim.wait(ALONE_MS);
    for (const { drop } of lost) aim.note(`${drop()} frames with commits of ${first} did not arrive`);
    aim.part([first], [second, third]);
    aim.note(`${first} was cut off`);
    await aim.sees(second, third, ({ kind }) => kind === 'accept' || kind === 'prepare');
    await aim.wait(READ_MS);
  },
);

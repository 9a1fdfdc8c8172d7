/** What is explored, and the planted bugs that must be found in it. */
import type { QuorumBug } from '../../base/planted-bug.ts';
import type { Operation, Plan } from './state.ts';

const at = (server: number, operation: Operation) => ({ server, operation });
const cas = (from: number, to: number): Operation => ({ kind: 'cas', from, to });
const READ: Operation = { kind: 'read' };

/** One beginning each, and nobody crashes. */
const BEGINNING = {
  begins: [1, 1],
  latest: [0, 0],
  crashes: 0,
  leadsAgain: false,
  plainWrite: undefined,
  isSmall: true,
};
/** The second coordinator has the later ballots, so it may take over from the first at any time. */
const OVERTAKING = { ...BEGINNING, latest: [0, 5], isSmall: false };

interface ListedPlan extends Plan {
  /** Explored whole in under a minute. */
  readonly isSmall: boolean;
  readonly catches: readonly QuorumBug[];
}

export const PLANS: readonly ListedPlan[] = [
  {
    ...BEGINNING,
    name: 'two writers with ballots of one counter',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    catches: ['count-duplicate-votes'],
  },
  {
    ...BEGINNING,
    name: 'two writers with ballots of one counter, both crash',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    crashes: 2,
    catches: ['count-duplicate-votes'],
  },
  {
    ...BEGINNING,
    name: 'a writer that crashes, comes back and writes again',
    operations: [at(0, cas(0, 1)), at(0, cas(0, 2))],
    begins: [1, 0],
    crashes: 1,
    leadsAgain: true,
    catches: [],
  },
  {
    ...OVERTAKING,
    name: 'two writers, one overtakes the other',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    catches: ['no-recovery', 'count-duplicate-votes'],
  },
  {
    ...OVERTAKING,
    name: 'a reader, and a writer that overtakes it, both crash',
    operations: [at(0, READ), at(1, cas(0, 1))],
    crashes: 2,
    isSmall: true,
    catches: ['read-without-quorum'],
  },
  {
    ...OVERTAKING,
    name: 'two readers, and a write at level `eventual`',
    operations: [at(0, READ), at(1, READ)],
    plainWrite: 5,
    isSmall: true,
    catches: ['no-cover'],
  },
];

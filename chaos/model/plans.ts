/** What is explored, and the planted bugs that must be found in it. */
import type { QuorumBug } from '../../base/planted-bug.ts';
import type { Operation, Plan } from './state.ts';

const at = (server: number, operation: Operation) => ({ server, operation });
const cas = (from: number, to: number): Operation => ({ kind: 'cas', from, to });
const READ: Operation = { kind: 'read' };

/** One beginning each; the second coordinator has the later ballots, so it may take over from the first at any time. */
const OVERTAKING = { begins: [1, 1], latest: [0, 5], crashes: 0, plainWrite: undefined };

export const PLANS: readonly (Plan & { readonly catches: readonly QuorumBug[] })[] = [
  {
    ...OVERTAKING,
    name: 'two writers with ballots of one counter',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    latest: [0, 0],
    catches: [],
  },
  {
    ...OVERTAKING,
    name: 'two writers, one overtakes the other',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    catches: ['no-recovery', 'count-duplicate-votes', 'merge-on-accept'],
  },
  {
    ...OVERTAKING,
    name: 'two writers, one overtakes the other, a crash',
    operations: [at(0, cas(0, 1)), at(1, cas(0, 2))],
    crashes: 1,
    catches: [],
  },
  {
    ...OVERTAKING,
    name: 'a writer and a reader that overtakes it',
    operations: [at(0, cas(0, 1)), at(1, READ)],
    catches: ['read-without-quorum'],
  },
  {
    ...OVERTAKING,
    name: 'two readers, and a write at level `eventual`',
    operations: [at(0, READ), at(1, READ)],
    plainWrite: 5,
    catches: ['no-cover'],
  },
];

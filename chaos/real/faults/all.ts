/** Every fault, by name. */
import { CLIENT_LINK_FAULTS } from './client-links.ts';
import { CLOCK_FAULTS } from './clocks.ts';
import { DISK_FAULTS } from './disks.ts';
import { forgottenPromise } from './forgotten-promise.ts';
import { forgottenVote } from './forgotten-vote.ts';
import { formerVoters } from './former-voters.ts';
import { LINK_FAULTS } from './links.ts';
import { lostDisks } from './lost-disks.ts';
import { POWER_FAULTS } from './power.ts';
import { PROCESS_FAULTS } from './processes.ts';
import { readerWaits } from './reader-waits.ts';
import type { RealFault } from './real-fault.ts';
import { successor } from './successor.ts';
import { finishedLate, unfinished } from './unfinished.ts';
import { votesAlone } from './votes-alone.ts';

export const REAL_FAULTS: readonly RealFault[] = [
  ...LINK_FAULTS,
  ...CLIENT_LINK_FAULTS,
  ...PROCESS_FAULTS,
  ...DISK_FAULTS,
  ...POWER_FAULTS,
  forgottenVote,
  lostDisks,
  unfinished,
  finishedLate,
  votesAlone,
  successor,
  readerWaits,
  forgottenPromise,
  formerVoters,
  ...CLOCK_FAULTS,
];

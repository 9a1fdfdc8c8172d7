/** Every fault by name. */
import { clockDrift, clockJump } from './clocks.ts';
import { cutLink, cutOneWay, flapping, isolate, reset } from './cuts.ts';
import { failedWrite, lostDisk, lostDisks, rot, slowDisk, stuckDisk } from './disks.ts';
import type { Fault } from './fault.ts';
import { formerVoters } from './former-voters.ts';
import { delay, duplication, loss, narrow, reordering } from './frames.ts';
import { blackout, kill, pause, powerCut, stop } from './processes.ts';
import { changeVoters } from './voters.ts';
import {
  finishedLate,
  forgottenAcceptance,
  forgottenPromise,
  slowReader,
  successor,
  unfinished,
  votesAlone,
} from './votes.ts';

export const FAULTS = {
  cut: cutLink,
  'cut-one-way': cutOneWay,
  isolate,
  flapping,
  reset,
  loss,
  duplication,
  reordering,
  delay,
  narrow,
  kill,
  'power-cut': powerCut,
  blackout,
  stop,
  pause,
  'clock-jump': clockJump,
  'clock-drift': clockDrift,
  'slow-disk': slowDisk,
  'stuck-disk': stuckDisk,
  'failed-write': failedWrite,
  'lost-disk': lostDisk,
  'lost-disks': lostDisks,
  rot,
  voters: changeVoters,
  'forgotten-acceptance': forgottenAcceptance,
  'forgotten-promise': forgottenPromise,
  unfinished,
  'former-voters': formerVoters,
  'votes-alone': votesAlone,
  successor,
  'slow-reader': slowReader,
  'finished-late': finishedLate,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** Aimed at single messages: only on when a direction or a profile of their own says so. */
export const AIMED = [
  'forgotten-acceptance',
  'forgotten-promise',
  'unfinished',
  'finished-late',
  'votes-alone',
  'successor',
  'former-voters',
  'slow-reader',
] as const satisfies readonly FaultName[];

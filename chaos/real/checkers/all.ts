/** Every judge of runs with real processes, in the order in which a violation is worth reading. */
import { availability } from './availability.ts';
import { devices } from './devices.ts';
import { dangling, elements } from './elements.ts';
import { expiry } from './expiry.ts';
import {
  atomicBatches,
  bankTotals,
  causalOrder,
  counterSums,
  linearizability,
  serialisability,
  setMembers,
} from './of-answers.ts';
import { bounds, convergence, faultsFired, processes } from './of-cluster.ts';
import type { RealChecker } from './real-checker.ts';
import { sessionGuarantees } from './session-guarantees.ts';
import { texts } from './texts.ts';
import { uniqueness } from './uniqueness.ts';

export const REAL_CHECKERS: readonly RealChecker[] = [
  linearizability,
  serialisability,
  bankTotals,
  uniqueness,
  sessionGuarantees,
  causalOrder,
  atomicBatches,
  dangling,
  elements,
  counterSums,
  setMembers,
  texts,
  expiry,
  devices,
  convergence,
  processes,
  bounds,
  availability,
  faultsFired,
];

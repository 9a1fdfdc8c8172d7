/** Every checker, in the order in which a failure is worth reading: the first that fails usually says most. */
import { atomicity } from './atomicity.ts';
import { bank } from './bank.ts';
import { bounds } from './bounds.ts';
import { causality } from './causality.ts';
import { convergence } from './convergence.ts';
import { counters } from './counters.ts';
import { dangling } from './dangling.ts';
import { durability } from './durability.ts';
import { expiry } from './expiry.ts';
import { linearizability } from './linearizability.ts';
import { liveness } from './liveness.ts';
import { offline } from './offline.ts';
import { repetitions } from './repetitions.ts';
import { serialisability } from './serialisability.ts';
import { sessions } from './sessions.ts';
import { sets } from './sets.ts';
import { soundness } from './soundness.ts';
import { streams } from './streams.ts';
import { strongLiveness } from './strong-liveness.ts';
import { uniqueness } from './uniqueness.ts';
import type { Checker } from './verdict.ts';

export const CHECKERS: readonly Checker[] = [
  soundness,
  linearizability,
  serialisability,
  bank,
  repetitions,
  streams,
  causality,
  sessions,
  atomicity,
  dangling,
  expiry,
  durability,
  liveness,
  strongLiveness,
  convergence,
  counters,
  sets,
  uniqueness,
  offline,
  bounds,
];

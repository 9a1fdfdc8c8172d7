/** Every workload by name. */
import type { Workload } from '../arena.ts';
import { batches } from './batches.ts';
import { causes } from './causes.ts';
import { counters } from './counters.ts';
import { edges } from './edges.ts';
import { expiry } from './expiry.ts';
import { graphs } from './graphs.ts';
import { mergeUnique } from './merge-unique.ts';
import { mixed } from './mixed.ts';
import { offline } from './offline.ts';
import { overwrites } from './overwrites.ts';
import { registers } from './registers.ts';
import { sessions } from './sessions.ts';
import { sets } from './sets.ts';
import { strongBank } from './strong-bank.ts';
import { strongKeys } from './strong-keys.ts';
import { strongLevels } from './strong-levels.ts';
import { strongLists } from './strong-lists.ts';
import { strongRegisters } from './strong-registers.ts';
import { strongUnique } from './strong-unique.ts';
import { texts } from './texts.ts';

export const WORKLOADS = {
  batches,
  causes,
  counters,
  edges,
  expiry,
  graphs,
  'merge-unique': mergeUnique,
  mixed,
  offline,
  overwrites,
  registers,
  sessions,
  sets,
  'strong-bank': strongBank,
  'strong-keys': strongKeys,
  'strong-levels': strongLevels,
  'strong-lists': strongLists,
  'strong-registers': strongRegisters,
  'strong-unique': strongUnique,
  texts,
} as const satisfies Record<string, Workload>;

export type WorkloadName = keyof typeof WORKLOADS;

/** These need a majority of servers that kept their disks, if only to declare a constraint, and are run apart from the others. */
export const STRONG: readonly WorkloadName[] = [
  'merge-unique',
  'strong-bank',
  'strong-keys',
  'strong-levels',
  'strong-lists',
  'strong-registers',
  'strong-unique',
];

/** Only on when a direction says so: hard on races that need a fault aimed at them. */
export const DIRECTED: readonly WorkloadName[] = ['strong-levels'];

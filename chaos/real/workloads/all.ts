/** Every workload, by name. */
import type { Workload } from '../arena.ts';
import { batches } from './batches.ts';
import { causes } from './causes.ts';
import { churn } from './churn.ts';
import { counters } from './counters.ts';
import { awayDevices, devices } from './devices.ts';
import { expiry } from './expiry.ts';
import { imports } from './imports.ts';
import { merges, strongClaims } from './merges.ts';
import { overwrites } from './overwrites.ts';
import { sessions } from './sessions.ts';
import { sets } from './sets.ts';
import { strongBank } from './strong-bank.ts';
import { strongKeys } from './strong-keys.ts';
import { strongLevels } from './strong-levels.ts';
import { strongLists } from './strong-lists.ts';
import { strongRegisters } from './strong-registers.ts';
import { strongStock } from './strong-stock.ts';
import { texts } from './texts.ts';

export const WORKLOADS: readonly Workload[] = [
  strongRegisters,
  strongStock,
  strongLists,
  strongBank,
  strongKeys,
  strongLevels,
  strongClaims,
  merges,
  counters,
  sets,
  texts,
  sessions,
  causes,
  batches,
  churn,
  imports,
  expiry,
  overwrites,
  devices,
  awayDevices,
];

/** A worker process: runs the seeds that it is told to, one after the other, and reports each. */

import { StrayRejections } from './host.ts';
import { isPlantedName } from './planted-bugs.ts';
import { runSeed } from './run-seed.ts';
import { type Direction, type Profile, scenarioOf } from './scenario.ts';
import { SimRandom } from './sim/random.ts';

export interface Task {
  readonly seed: number;
  readonly profile: Profile;
  readonly bug: string | undefined;
  readonly direction: Direction;
}

const strays = new StrayRejections();

process.on('message', (task: Task) => {
  const { seed, profile, bug, direction } = task;
  const bugs = new Set(bug !== undefined && isPlantedName(bug) ? [bug] : []);
  const scenario = scenarioOf(new SimRandom(seed).fork('scenario'), profile, bugs, direction);
  runSeed({ seed, scenario }, strays.take).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

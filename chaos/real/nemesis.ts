/** Breaks the cluster as the scenario says, mends what it broke, and notes both. */
import type { FaultContext, RealFault } from './faults/real-fault.ts';
import type { RealCluster } from './real-cluster.ts';
import type { Recorder } from './recorder.ts';
import type { FaultChoice, Scenario } from './scenario.ts';

const LOOK_MS = 100;
/** A first look at the cluster in peace. */
const PEACE_MS = 1_500;

export interface NemesisOptions {
  readonly cluster: RealCluster;
  readonly recorder: Recorder;
  readonly scenario: Scenario;
  readonly faults: readonly RealFault[];
  /** True when the time is up; every fault still has its first turn. */
  isOver(): boolean;
  /** True when the run must end at once. */
  mustEnd(): boolean;
}

/** Resolves when everything is mended. */
export async function runNemesis(options: NemesisOptions): Promise<void> {
  const { scenario, cluster } = options;
  await sleep(options, PEACE_MS);
  if (scenario.overlap) {
    await Promise.all(scenario.faults.map((choice) => repeat(options, choice)));
    return;
  }
  // One at a time, each as often as it wants to be.
  const next = scenario.faults.map((choice) => ({ choice, atMs: cluster.world.nowMs(), hadItsTurn: false }));
  for (;;) {
    // On a busy machine a fault may take all the time there is; a run without the others would prove nothing.
    const open = options.isOver() ? next.filter(({ hadItsTurn }) => !hadItsTurn) : next;
    const [first] = open.sort((a, b) => a.atMs - b.atMs);
    if (first === undefined || options.mustEnd()) return;
    if (!options.isOver()) await sleep(options, first.atMs - cluster.world.nowMs());
    if (options.isOver() && first.hadItsTurn) continue;
    first.hadItsTurn = true;
    first.atMs = cluster.world.nowMs() + first.choice.everySeconds * 1_000;
    await once(options, first.choice);
    await sleep(options, Math.min(1_000, first.choice.everySeconds * 200));
  }
}

async function repeat(options: NemesisOptions, choice: FaultChoice): Promise<void> {
  const { world } = options.cluster;
  while (!options.isOver()) {
    const beganMs = world.nowMs();
    await once(options, choice);
    await sleep(options, choice.everySeconds * 1_000 - (world.nowMs() - beganMs));
  }
}

async function once(options: NemesisOptions, choice: FaultChoice): Promise<void> {
  const { cluster, recorder, faults } = options;
  const fault = faults.find(({ name }) => name === choice.kind);
  if (fault === undefined || fault.impossible?.(cluster.net.abilities) !== undefined) return;
  const random = cluster.world.random(`${choice.kind} ${cluster.world.nowMs()}`);
  const context: FaultContext = {
    cluster,
    random,
    target: choice.target ?? random.pick(cluster.names),
    lastsMs: choice.lastsSeconds * 1_000,
    option: (name, byDefault) => choice.options?.[name] ?? byDefault,
  };
  const injury = await fault.inject(context);
  if (injury === undefined) return;
  const { what, beganMs, servers, sides, losing } = injury;
  const number = recorder.fault(beganMs, {
    kind: choice.kind,
    what,
    servers,
    ...(sides !== undefined && { sides }),
    ...(losing !== undefined && { losing }),
  });
  await sleep({ ...options, isOver: options.mustEnd }, context.lastsMs);
  const evidence = await injury.mend();
  recorder.mended(number, evidence === undefined ? {} : { evidence });
}

/** Not longer than there is anything to break. */
async function sleep({ cluster, isOver }: NemesisOptions, ms: number): Promise<void> {
  const endMs = cluster.world.nowMs() + ms;
  while (cluster.world.nowMs() < endMs && !isOver()) {
    await cluster.world.sleep(Math.min(LOOK_MS, Math.max(1, endMs - cluster.world.nowMs())));
  }
}

/**
 * What one seed runs. Swarm testing (Groce et al., 2012): each seed turns each fault and each workload on or off, because
 * a run with everything on hides what a run with few things shows.
 */
import * as LIMITS from '../base/limits.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import type { ClusterSetup } from './cluster.ts';
import { AIMED, FAULTS, type FaultName } from './faults/all.ts';
import type { SimRandom } from './sim/random.ts';
import { DIRECTED, STRONG, WORKLOADS, type WorkloadName } from './workloads/all.ts';

/**
 * `strong`: strong operations alone, which promise more than the others check, and survive no buffered disks. `aimed`: the
 * same, each seed with one of the faults that are aimed at single messages.
 */
export type Profile = 'small' | 'heavy' | 'strong' | 'aimed' | 'offline';

export interface Scenario {
  readonly cluster: ClusterSetup;
  readonly workloads: readonly WorkloadName[];
  readonly faults: readonly FaultName[];
  /** How many times more often than usual faults come. */
  readonly faultRate: number;
  readonly operations: number;
  readonly thinkMs: number;
  /** Machines with offline replicas. */
  readonly devices: number;
}

/** Settings that take the place of what the seed says. */
export type Direction = Partial<Omit<Scenario, 'cluster'>> & { readonly cluster?: Partial<ClusterSetup> };

/** Only on when a direction or the heavy profile says so: each of its operations is worth hundreds of others. */
const COSTLY: readonly WorkloadName[] = ['overwrites'];
/** Chosen by numbers of their own, so that they changed nothing else in what a seed does. */
const LATER: readonly WorkloadName[] = ['expiry', 'texts'];
/** Only on when a direction says so: nothing can be served any more afterwards. */
const FINAL: readonly FaultName[] = ['lost-disks'];
/** Only where there are strong operations: they are aimed at those. */
const OF_STRONG: readonly FaultName[] = ['voters', 'stuck-disk'];
const LARGE_BUDGET = 1e9;
/** Nothing fits: every partition is passivated whenever nobody needs it. */
const NO_BUDGET = 1;

/** Short, so that minutes of protocol happen in seconds of virtual time. */
const FAST = {
  heartbeatMs: 200,
  suspectAfterMs: 600,
  deadAfterMs: 1_500,
  redialMs: 50,
  redialMsMax: 800,
  resendAfterMs: 500,
  relayAfterMs: 300,
  antiEntropyMs: 4_000,
};

export function scenarioOf(
  random: SimRandom,
  profile: Profile,
  bugs: ReadonlySet<PlantedBug>,
  direction: Direction = {},
): Scenario {
  const isHeavy = profile === 'heavy';
  const isAimed = profile === 'aimed';
  const isStrong = profile === 'strong' || isAimed;
  const isOffline = profile === 'offline';
  const names = (Object.keys(WORKLOADS) as WorkloadName[]).filter(
    (name) =>
      name !== 'offline' &&
      !LATER.includes(name) &&
      (isAimed || !DIRECTED.includes(name)) &&
      STRONG.includes(name) === isStrong &&
      (isHeavy || !COSTLY.includes(name)),
  );
  const later = isStrong ? [] : random.fork('later').some(LATER, 0.3);
  const chosen = random.some(names, 0.4);
  const others = chosen.length === 0 ? [random.pick(names)] : chosen;
  const workloads: WorkloadName[] = isOffline ? ['offline', ...others.slice(0, 1)] : [...others, ...later];
  const usual = (Object.keys(FAULTS) as FaultName[]).filter(
    (name) =>
      !FINAL.includes(name) &&
      !(AIMED as readonly FaultName[]).includes(name) &&
      (isStrong || !OF_STRONG.includes(name)),
  );
  const drawn = random.some(usual, isAimed ? 0.1 : isHeavy ? 0.5 : 0.35);
  const faults = isAimed ? [random.pick(AIMED), ...drawn] : drawn;
  const tails = random.fork('tails');
  const cluster: ClusterSetup = {
    servers: random.chance(isAimed ? 0.5 : 0.2) ? (isStrong ? 5 : 2) : isHeavy && random.chance(0.4) ? 5 : 3,
    durability: random.chance(0.75) || isStrong ? 'disk' : 'buffered',
    memoryBudgetBytes: random.chance(0.3) ? NO_BUDGET : LARGE_BUDGET,
    longTailBytes: tails.chance(0.5) ? tails.between(100, 3_000) : undefined,
    // Damaged partitions are healed one by one, each in two periods of anti-entropy: minutes at its usual pace.
    timing: random.chance(0.8) || faults.includes('rot') ? FAST : {},
    latencyMs: random.between(0.2, 20),
    jitterMs: random.between(0, 10),
    diskMs: random.between(0.2, 5),
    skewMs: random.chance(0.5) ? 0 : random.between(0, 10_000),
    // A log is cut by force after some kilobytes, or once everybody has it, or never.
    logScale: random.chance(0.5) ? LIMITS.logBytesHardMax / random.between(1_000, 20_000) : 1,
    bugs,
    ...(isStrong && { keepsVoter: true }),
  };
  const scenario = {
    workloads,
    faults,
    devices: workloads.includes('offline') ? random.between(1, 4) | 0 : 0,
    faultRate: random.between(0.5, 2),
    operations: isHeavy ? 1_000 : 200,
    thinkMs: isStrong ? random.between(10, 300) : random.between(30, 600),
  };
  return { ...scenario, ...direction, cluster: { ...cluster, ...direction.cluster } };
}

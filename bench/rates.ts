/** Turns the rounds of a writing benchmark into figures: the reference is the faster form of the peer. */
import { cpuRates, median, ratioOf, type Sample, wallRates } from './measure.ts';
import { againstLimit, type Run } from './report.ts';

export function reportAgainstYMap(
  run: Run,
  options: {
    readonly what: string;
    readonly headlinePerSecond: number;
    readonly rounds: { readonly [name: string]: readonly Sample[] } & { readonly ours: readonly Sample[] };
  },
): void {
  const { what, headlinePerSecond, rounds } = options;
  const peers = Object.keys(rounds).filter((name) => name !== 'ours');
  const rates = (name: string) => cpuRates(rounds[name] ?? []);
  const rate = (name: string) => median(rates(name));
  const best = peers.reduce((a, b) => (rate(a) >= rate(b) ? a : b));
  for (const peer of peers.sort((a, b) => rate(b) - rate(a))) {
    run.figure({
      what,
      ours: rate('ours'),
      unit: '/cpu-s',
      reference: { what: peer, value: rate(peer) },
      ratio: ratioOf(rates('ours'), rates(peer)),
      ...(peer === best && { target: { atLeast: 1 } }),
    });
  }
  reportHeadline(run, what, rounds.ours, headlinePerSecond);
}

/** A headline says what is possible: the round that neighbours disturbed least, in real time. */
export function reportHeadline(run: Run, what: string, samples: readonly Sample[], headlinePerSecond: number): void {
  const walls = wallRates(samples);
  run.figure(againstLimit(`${what}, real time, best round`, Math.max(...walls), '/s', { atLeast: headlinePerSecond }));
  run.remark(`${what}: ${Math.round(median(walls))}/s in real time in the median of the rounds`);
}

/**
 * Two servers under the same load. The load generator takes time of its own, which makes real time kinder to the slower
 * server than it should be; so both real time and the servers' processor time must meet the target.
 */
export function reportAgainstServer(
  run: Run,
  options: {
    readonly what: string;
    readonly ours: readonly Sample[];
    readonly peer: { readonly what: string; readonly samples: readonly Sample[] };
    readonly atLeast: number;
  },
): void {
  const { what, ours, peer, atLeast } = options;
  for (const [unit, rates] of [
    ['/s', wallRates],
    ['/cpu-s', cpuRates],
  ] as const) {
    run.figure({
      what: unit === '/s' ? what : `${what}, processor time`,
      ours: median(rates(ours)),
      unit,
      reference: { what: peer.what, value: median(rates(peer.samples)) },
      ratio: ratioOf(rates(ours), rates(peer.samples)),
      target: { atLeast },
    });
  }
}

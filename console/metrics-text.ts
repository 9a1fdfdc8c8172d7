/** What `GET /metrics` answers, read back: samples by name, their sums, and quantiles of what came between two looks. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Samples = ReadonlyMap<string, readonly Sample[]>;
type Choose = (labels: Sample['labels']) => boolean;

const ALL: Choose = () => true;

/** Lines that are no samples are left out. */
export function parseMetrics(text: string): Samples {
  const found = new Map<string, Sample[]>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const [, name = '', labelText = '', value = ''] = match;
    const labels = Object.fromEntries(
      [...labelText.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text]),
    );
    const samples = found.get(name);
    const sample = { labels, value: Number(value) };
    if (samples === undefined) found.set(name, [sample]);
    else samples.push(sample);
  }
  return found;
}

export function sumOf(samples: Samples, name: string, choose: Choose = ALL): number {
  return (samples.get(name) ?? []).reduce((sum, { labels, value }) => sum + (choose(labels) ? value : 0), 0);
}

/**
 * The upper bound below which the share `quantile` of what a histogram counted between two looks lies; undefined if it counted
 * nothing, infinite if it is beyond the last bound.
 */
export function quantileBetween(
  [before, after]: readonly [Samples, Samples],
  histogram: string,
  quantile: number,
  choose: Choose = ALL,
): number | undefined {
  const below = new Map<number, number>();
  for (const [samples, sign] of [
    [before, -1],
    [after, 1],
  ] as const) {
    for (const { labels, value } of samples.get(`${histogram}_bucket`) ?? []) {
      if (!choose(labels)) continue;
      const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
      below.set(bound, (below.get(bound) ?? 0) + sign * value);
    }
  }
  const bounds = [...below].sort(([a], [b]) => a - b);
  const count = bounds.at(-1)?.[1] ?? 0;
  if (count <= 0) return undefined;
  return bounds.find(([, under]) => under >= count * quantile)?.[0];
}

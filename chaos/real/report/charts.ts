/** Figures over time, with the faults behind them. */
import type { Level } from '../entry.ts';
import type { RunRecord } from '../run-record.ts';
import type { Sample } from '../sampler.ts';
import { faultBands, LEFT, picture, rectangle, type Span, text, timeAxis, xOf } from './svg.ts';

const HEIGHT = 120;
const TOP = 16;
const LEVELS: readonly Level[] = ['eventual', 'session', 'strong'];
const BUCKETS = 150;

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [atMs: number, value: number])[];
}

interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  /** Whether large values are drawn closer together. */
  readonly isLogarithmic?: true;
}

/** Requests a second, by how they ended; the bars stand on each other. */
export function throughput(run: RunRecord, span: Span): string {
  const widthMs = Math.max(250, (span.toMs - span.fromMs) / BUCKETS);
  const buckets = Array.from({ length: Math.ceil((span.toMs - span.fromMs) / widthMs) + 1 }, () => [0, 0, 0]);
  for (const { invocation, completion } of run.operations) {
    const bucket = buckets[Math.floor(((completion?.atMs ?? invocation.atMs) - span.fromMs) / widthMs)];
    const which = completion?.type === 'ok' ? 0 : completion?.type === 'fail' ? 1 : 2;
    if (bucket !== undefined) bucket[which] = (bucket[which] ?? 0) + 1;
  }
  const most = Math.max(1, ...buckets.map((bucket) => bucket.reduce((sum, count) => sum + count, 0)));
  const bars = buckets.flatMap((bucket, index) => {
    let base = HEIGHT;
    const x = xOf(span, span.fromMs + index * widthMs);
    const width = Math.max(0.5, xOf(span, span.fromMs + (index + 1) * widthMs) - x - 0.4);
    return (['ok', 'fail', 'info'] as const).flatMap((outcome, which) => {
      const height = Math.round(((bucket[which] ?? 0) / most) * (HEIGHT - TOP) * 10) / 10;
      base -= height;
      return height === 0 ? [] : [rectangle({ x, y: base, width, height }, outcome)];
    });
  });
  const scale = text(4, TOP + 8, `${Math.round((most * 1_000) / widthMs)} a second`, 'tick-left');
  const parts = [...timeAxis(span, HEIGHT), ...faultBands(span, run.faults, HEIGHT), scale, ...bars];
  return picture(HEIGHT + 18, parts, 'Requests a second, by outcome');
}

export function latencies(run: RunRecord, span: Span): Chart {
  const widthMs = Math.max(500, (span.toMs - span.fromMs) / BUCKETS);
  const lines = LEVELS.map((level): Line => {
    const buckets = new Map<number, number[]>();
    for (const { invocation, completion } of run.operations) {
      if (invocation.level !== level || completion?.type !== 'ok') continue;
      const bucket = Math.floor((completion.atMs - span.fromMs) / widthMs);
      buckets.set(bucket, [...(buckets.get(bucket) ?? []), completion.atMs - invocation.atMs]);
    }
    const points = [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([bucket, all]) => {
        all.sort((a, b) => a - b);
        return [span.fromMs + (bucket + 0.5) * widthMs, all[Math.floor(all.length * 0.95)] ?? 0] as const;
      });
    return { name: level, points };
  });
  return { title: 'Latency of answered requests, 95th percentile', unit: 'ms', lines, isLogarithmic: true };
}

export function ofSamples(
  { samples }: RunRecord,
  title: string,
  unit: string,
  of: (sample: Sample) => number | undefined,
): Chart {
  const servers = [...new Set(samples.map(({ server }) => server))];
  const lines = servers.map((server): Line => {
    const own = samples.filter((sample) => sample.server === server);
    return {
      name: server,
      points: own.flatMap((sample) => {
        const value = of(sample);
        return value === undefined ? [] : [[sample.atMs, value] as const];
      }),
    };
  });
  return { title, unit, lines };
}

export function draw(run: RunRecord, span: Span, { title, unit, lines, isLogarithmic }: Chart): string {
  const most = Math.max(1, ...lines.flatMap(({ points }) => points.map(([, value]) => value)));
  const part = (value: number) => (isLogarithmic ? Math.log1p(value) / Math.log1p(most) : value / most);
  const curves = lines.flatMap(({ name, points }, index) => {
    const path = points.map(
      ([atMs, value]) => `${xOf(span, atMs)},${Math.round(HEIGHT - part(value) * (HEIGHT - TOP))}`,
    );
    return [
      `<polyline points="${path.join(' ')}" class="line line-${index}"/>`,
      text(LEFT + 8 + index * 90, 11, name, `legend legend-${index}`),
    ];
  });
  const scale = [
    text(4, TOP + 8, `${most < 10 ? most.toFixed(1) : Math.round(most)} ${unit}`, 'tick-left'),
    text(4, HEIGHT, '0', 'tick-left'),
  ];
  const parts = [...timeAxis(span, HEIGHT), ...faultBands(span, run.faults, HEIGHT), ...scale, ...curves];
  return `<h3>${title}</h3>${picture(HEIGHT + 18, parts, title)}`;
}

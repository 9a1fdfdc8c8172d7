/** What a benchmark reports: figures, each against a named peer or limit of the same run, and remarks. */

export interface Figure {
  readonly what: string;
  readonly ours: number;
  readonly unit: string;
  /** The peer that was measured in the same run, or the limit. */
  readonly reference: { readonly what: string; readonly value: number };
  /** Ours relative to the reference: the median of the rounds where there is a peer. */
  readonly ratio: number;
  /** What the ratio must be: at least this, or at most this. Absent where the figure only informs. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

export type Report =
  | { readonly kind: 'figure'; readonly figure: Figure }
  | { readonly kind: 'remark'; readonly text: string }
  /** How long the fixed loop of `calibrationMs` takes now. */
  | { readonly kind: 'calibration'; readonly ms: number };

export interface Run {
  /** Fewer rounds and smaller graphs: a smoke test, not a figure to quote. */
  readonly quick: boolean;
  figure(figure: Figure): void;
  remark(text: string): void;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** In one line: what the peers do. */
  readonly peers: string;
  run(run: Run): Promise<void>;
}

/** A figure against a fixed limit. */
export function againstLimit(
  what: string,
  ours: number,
  unit: string,
  limit: { readonly atLeast: number } | { readonly atMost: number },
): Figure {
  const atLeast = 'atLeast' in limit;
  const value = atLeast ? limit.atLeast : limit.atMost;
  const reference = { what: 'limit', value };
  return { what, ours, unit, reference, ratio: ours / value, target: atLeast ? { atLeast: 1 } : { atMost: 1 } };
}

export function isMet({ ratio, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost;
}

/** One line of the report. */
export function figureLine(figure: Figure): string {
  const { what, ours, unit, reference, ratio, target } = figure;
  const met = isMet(figure);
  const parts = [
    `  ${what.padEnd(58)} `,
    `${number(ours)} ${unit}`.padStart(18),
    `  ${reference.what}: ${number(reference.value)} ${unit}`.padEnd(40),
    `${ratio.toFixed(2)}x`.padStart(8),
  ];
  if (target !== undefined) {
    parts.push(
      'atLeast' in target ? ` (>= ${target.atLeast}x)` : ` (<= ${target.atMost}x)`,
      met ? '  met' : '  MISSED',
    );
  }
  return parts.join('');
}

function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

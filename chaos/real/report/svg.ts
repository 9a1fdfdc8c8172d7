/** Pictures as text: what the parts of a report draw with. Colours are variables of the page, which has a dark form. */
import type { FaultSpan } from '../entry.ts';

export const WIDTH = 1_120;
/** Left of it stand names, right of it the picture begins. */
export const LEFT = 170;
const RIGHT = 10;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export function xOf({ fromMs, toMs }: Span, atMs: number): number {
  const part = Math.min(1, Math.max(0, (atMs - fromMs) / Math.max(1, toMs - fromMs)));
  return Math.round((LEFT + part * (WIDTH - LEFT - RIGHT)) * 10) / 10;
}

export function picture(height: number, parts: readonly string[], label: string): string {
  const box = `viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}"`;
  return `<svg ${box}>${parts.join('')}</svg>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function rectangle({ x, y, width, height }: Box, className: string, title?: string): string {
  const tip = title === undefined ? '' : `<title>${escaped(title)}</title>`;
  const size = `width="${Math.round(width * 10) / 10}" height="${height}"`;
  return `<rect x="${x}" y="${y}" ${size} class="${className}">${tip}</rect>`;
}

export function text(x: number, y: number, words: string, className = 'label'): string {
  return `<text x="${x}" y="${y}" class="${className}">${escaped(words)}</text>`;
}

/** Seconds below a picture. */
export function timeAxis(span: Span, y: number): string[] {
  const seconds = (span.toMs - span.fromMs) / 1_000;
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200].find((each) => seconds / each <= 14) ?? 3_600;
  const parts: string[] = [];
  for (let second = 0; second <= seconds; second += step) {
    const x = xOf(span, span.fromMs + second * 1_000);
    parts.push(`<line x1="${x}" x2="${x}" y1="0" y2="${y}" class="grid"/>`, text(x, y + 13, `${second} s`, 'tick'));
  }
  return parts;
}

/** A shaded band for each fault, over the whole height. */
export function faultBands(span: Span, faults: readonly FaultSpan[], height: number): string[] {
  return faults.map(({ begin, end }) => {
    const [from, to] = [xOf(span, begin.atMs), xOf(span, end?.atMs ?? span.toMs)];
    const title = `${begin.kind}: ${begin.what}; ${end?.evidence ?? 'not seen to happen'}`;
    return rectangle({ x: from, y: 0, width: Math.max(1, to - from), height }, 'fault', title);
  });
}

/**
 * Progress of a transfer on standard error: a bar with rate and time left on a terminal, a plain line now and then
 * elsewhere, so that a log stays readable.
 */
import { Transform } from 'node:stream';
import cliProgress from 'cli-progress';
import { whenInterrupted } from './interrupted.ts';

export interface Progress {
  /** Counts bytes, and the lines that end in them. */
  add(chunk: Uint8Array): void;
  readonly elements: number;
  readonly elapsedMs: number;
  stop(): void;
}

const PLAIN_LINE_EVERY_MS = 5000;
const BAR_EVERY_MS = 200;
const LINE_FEED = 10;

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** @param bytesTotal undefined if it is not known, as for a pipe: then there is a rate but no bar */
export function startProgress(verb: string, bytesTotal: number | undefined, output: Output = process.stderr): Progress {
  const startedMs = performance.now();
  let bytes = 0;
  let elements = 0;
  const line = (bar: string) => `${verb} ${bar}${describe(bytes, bytesTotal, elements, performance.now() - startedMs)}`;
  const stop = output.isTTY === true ? showBar(bytesTotal, line, () => bytes, output) : showLines(line, output);
  return {
    add(chunk) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) elements++;
    },
    get elements() {
      return elements;
    },
    get elapsedMs() {
      return performance.now() - startedMs;
    },
    stop,
  };
}

function showBar(
  bytesTotal: number | undefined,
  line: (bar: string) => string,
  bytes: () => number,
  output: Output,
): () => void {
  const bar = new cliProgress.SingleBar({
    stream: output,
    format: (options, params) => {
      if (bytesTotal === undefined) return line('');
      const size = options.barsize ?? 30;
      const full = Math.round(params.progress * size);
      return line(`[${'='.repeat(full)}${' '.repeat(size - full)}] `);
    },
    barsize: 30,
    fps: 1000 / BAR_EVERY_MS,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  bar.start(bytesTotal ?? 1, 0);
  const timer = setInterval(() => bar.update(bytesTotal === undefined ? 0 : bytes()), BAR_EVERY_MS);
  // The cursor is hidden, and lines are not wrapped, until the bar has stopped.
  const forget = whenInterrupted(() => bar.stop());
  return () => {
    forget();
    clearInterval(timer);
    bar.stop();
  };
}

function showLines(line: (bar: string) => string, output: Output): () => void {
  const timer = setInterval(() => output.write(`${line('')}\n`), PLAIN_LINE_EVERY_MS);
  return () => clearInterval(timer);
}

/** Counts what passes through it. */
export function counting(progress: Progress): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      progress.add(chunk);
      done(null, chunk);
    },
  });
}

/** `42 %, 210,000 elements, 85,000/s, 24.1 MB/s, 12 s left` */
export function describe(bytes: number, bytesTotal: number | undefined, elements: number, elapsedMs: number): string {
  const seconds = Math.max(elapsedMs / 1000, 0.001);
  const bytesPerSecond = bytes / seconds;
  const parts = [
    `${count(elements)} elements`,
    `${count(Math.round(elements / seconds))}/s`,
    `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
  ];
  if (bytesTotal !== undefined && bytesTotal > 0) {
    parts.unshift(`${Math.floor((Math.min(bytes, bytesTotal) / bytesTotal) * 100)} %`);
    if (bytesPerSecond > 0) parts.push(`${duration((bytesTotal - bytes) / bytesPerSecond)} left`);
  }
  return parts.join(', ');
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

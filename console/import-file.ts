/**
 * Sends a file of JSON Lines in pieces of whole lines, one after the other, so that a file of any size passes through the page
 * without being held in it, and it is known how far it got.
 */
import { problemError } from '../client/http-calls.ts';

const PIECE_CHARS = 512 * 1024;
/** Bad lines that are kept to be shown; the rest is counted. */
const BAD_LINES_KEPT_MAX = 100;

export interface ImportProgress {
  readonly nodes: number;
  readonly edges: number;
  readonly lines: number;
  readonly failed: number;
  readonly bytes: number;
  /** Lines that were left out, by their number in the file. */
  readonly errors: readonly { readonly line: number; readonly reason: string }[];
}

export interface ImportOptions {
  readonly graph: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Leaves out lines that are wrong, in place of ending at the first. */
  readonly skipsBadLines: boolean;
  readonly signal: AbortSignal;
  readonly progress: (progress: ImportProgress) => void;
}

interface Report {
  readonly nodes: number;
  readonly edges: number;
  readonly lines: number;
  readonly failed?: number;
  readonly errors?: ImportProgress['errors'];
}

/** What came before an error stays. @throws WeftError `invalid-import-line`, whose `line` counts within the piece; see `before` */
export async function importFile(file: File, options: ImportOptions): Promise<ImportProgress> {
  let total: ImportProgress = { nodes: 0, edges: 0, lines: 0, failed: 0, bytes: 0, errors: [] };
  /** Lines of the pieces that were sent, blank ones included. */
  let before = 0;
  const send = async (text: string, bytes: number): Promise<void> => {
    const path = `/v1/graphs/${encodeURIComponent(options.graph)}/import`;
    const answer = await fetch(options.skipsBadLines ? `${path}?onError=continue` : path, {
      method: 'POST',
      headers: { ...options.headers, 'Content-Type': 'application/x-ndjson' },
      body: text,
      signal: options.signal,
    });
    const answered = await answer.text();
    if (!answer.ok) throw inFile(problemError(answer.status, answered), before);
    const report = JSON.parse(answered) as Report;
    const offset = before;
    total = {
      nodes: total.nodes + report.nodes,
      edges: total.edges + report.edges,
      lines: total.lines + report.lines,
      failed: total.failed + (report.failed ?? 0),
      bytes,
      errors: [
        ...total.errors,
        ...(report.errors ?? []).map(({ line, reason }) => ({ line: line + offset, reason })),
      ].slice(0, BAD_LINES_KEPT_MAX),
    };
    before += text.split('\n').length - 1;
    options.progress(total);
  };

  const reader = file
    .stream()
    .pipeThrough(new TextDecoderStream('utf-8', { fatal: true }))
    .getReader();
  let held = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      held += value ?? '';
      const end = held.lastIndexOf('\n') + 1;
      if (held.length >= PIECE_CHARS && end > 0) {
        const piece = held.slice(0, end);
        held = held.slice(end);
        bytes += new Blob([piece]).size;
        await send(piece, bytes);
      }
      if (!done) continue;
      if (held.trim() !== '') await send(held, file.size);
      return { ...total, bytes: file.size };
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The same error, with the number of the line in the whole file. */
function inFile<E extends Error & { readonly context: { readonly [name: string]: unknown } }>(
  error: E,
  before: number,
): E {
  const { line } = error.context;
  if (typeof line === 'number') Object.assign(error.context, { line: line + before });
  return error;
}

/**
 * One import: lines in, operations out to the graph, in order. While one load waits for the disk the next is parsed;
 * the stream is read no faster than that, so memory stays constant. With `stopAtFirst` nothing after the first bad line
 * is applied, so a load never starts before the one before it is known to be good.
 */
import { isUtf8 } from 'node:buffer';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import type { Operation } from '../graph/model.ts';
import type { Graph } from '../src/engine-port.ts';
import { parseImportLine } from './import-element.ts';
import { LineBlocks } from './import-lines.ts';

/** One load: enough to amortise a commit, little enough to keep the loop responsive. */
const LOAD_OPERATIONS_MAX = 4000;
const LOAD_CHARS_MAX = 512 * 1024;

const BYTE_ORDER_MARK = '\ufeff';

export interface BadLine {
  /** Number of the line in the import, from 1. */
  readonly line: number;
  readonly code: string;
  readonly detail: string;
}

export interface Applied {
  readonly nodes: number;
  readonly edges: number;
  /** Lines that are not blank. */
  readonly lines: number;
}

export interface ImportReport extends Applied {
  readonly failed: number;
  /** The first `LIMITS.importErrorsReportedMax` bad lines, in order. */
  readonly errors: readonly BadLine[];
}

export class ImportRun {
  readonly #graph: Graph;
  readonly #stopAtFirst: boolean;
  readonly #blocks = new LineBlocks(LIMITS.importLineBytesMax);
  #operations: Operation[] = [];
  #lineNumbers: number[] = [];
  #chars = 0;
  #line = 0;
  #nodes = 0;
  #edges = 0;
  #isRepeatable = true;
  #failed = 0;
  #bad: BadLine[] = [];
  /** With `stopAtFirst`: the line at which parsing ended. */
  #unreadable: BadLine | undefined;
  /** The load that is under way; it also records its failures. */
  #loading: Promise<void> | undefined;

  constructor(graph: Graph, options: { readonly stopAtFirst: boolean }) {
    this.#graph = graph;
    this.#stopAtFirst = options.stopAtFirst;
  }

  /**
   * Imports all lines of `chunks`.
   * @throws WeftError `invalid-import-line` at the first bad line with `stopAtFirst`; the lines before it are applied,
   * none after it. After any other error the lines that `applied` counts are applied, and none is half.
   */
  async run(chunks: AsyncIterable<Buffer>): Promise<ImportReport> {
    try {
      for await (const chunk of chunks) {
        const block = this.#blocks.push(chunk);
        if (block !== undefined) await this.#take(block);
        if (this.#blocks.isOverlong && this.#stopAtFirst) break;
      }
    } catch (error) {
      // The client went away, or a line is bad: what is on its way to the disk is still counted.
      await this.#loading;
      throw error;
    }
    const last = this.#blocks.end();
    if (last !== undefined) await this.#take(last);
    await this.#loadAndWait();
    const { nodes, edges, lines } = this.applied;
    return { nodes, edges, lines: lines + this.#failed, failed: this.#failed, errors: firstOf(this.#bad) };
  }

  get applied(): Applied {
    return { nodes: this.#nodes, edges: this.#edges, lines: this.#nodes + this.#edges };
  }

  /** False once it made an edge without an id: done again, it would make another one. */
  get isRepeatable(): boolean {
    return this.#isRepeatable;
  }

  /** Takes a block of whole lines. */
  async #take(block: Buffer): Promise<void> {
    if (!isUtf8(block)) {
      await this.#takeInvalid(block);
      return;
    }
    const text = block.toString('utf8');
    let start = 0;
    while (start < text.length) {
      const found = text.indexOf('\n', start);
      const end = found < 0 ? text.length : found;
      this.#takeLine(text.slice(start, end));
      start = end + 1;
      if (this.#unreadable !== undefined) await this.#stopAt(this.#unreadable);
      if (this.#operations.length >= LOAD_OPERATIONS_MAX || this.#chars >= LOAD_CHARS_MAX) await this.#load();
    }
  }

  /** A block that is no valid UTF-8 goes line by line, to find the one that is not. */
  async #takeInvalid(block: Buffer): Promise<void> {
    let start = 0;
    while (start < block.length) {
      const found = block.indexOf(0x0a, start);
      const end = found < 0 ? block.length : found + 1;
      const line = block.subarray(start, end);
      start = end;
      if (isUtf8(line)) {
        await this.#take(line);
      } else {
        this.#line++;
        const isCut = line.length > LIMITS.importLineBytesMax;
        this.#refuse(this.#line, isCut ? tooLong() : new WeftError('malformed-request', 'it is not valid UTF-8'));
        if (this.#unreadable !== undefined) await this.#stopAt(this.#unreadable);
      }
    }
  }

  #takeLine(text: string): void {
    const number = ++this.#line;
    const line = number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    if (isBlank(line)) return;
    try {
      if (isTooLong(line)) throw tooLong();
      this.#operations.push(parseImportLine(line));
      this.#lineNumbers.push(number);
      this.#chars += line.length;
    } catch (error) {
      this.#refuse(number, error);
    }
  }

  /** Notes a line that could not be read; with `stopAtFirst` it waits for the lines before it. */
  #refuse(line: number, error: unknown): void {
    const bad = badLine(line, error);
    if (this.#stopAtFirst) this.#unreadable = bad;
    else this.#report(bad);
  }

  /** Starts a load of what was gathered, once the one before it is done and good. */
  async #load(): Promise<void> {
    await this.#waitForLoad();
    if (this.#operations.length === 0) return;
    const operations = this.#operations;
    const lineNumbers = this.#lineNumbers;
    this.#operations = [];
    this.#lineNumbers = [];
    this.#chars = 0;
    this.#loading = this.#loadAll(operations, lineNumbers);
    // It is awaited before the next load; until then its failure must not count as unhandled.
    this.#loading.catch(() => undefined);
  }

  async #waitForLoad(): Promise<void> {
    await this.#loading;
    this.#loading = undefined;
    const [first] = this.#bad;
    if (this.#stopAtFirst && first !== undefined) throw this.#endAt(first);
  }

  async #loadAndWait(): Promise<void> {
    await this.#load();
    await this.#waitForLoad();
  }

  async #loadAll(operations: readonly Operation[], lineNumbers: readonly number[]): Promise<void> {
    const { failures, ended } = await this.#graph.load(operations, { stopAtFirst: this.#stopAtFirst });
    const failed = new Set(failures.map(({ index }) => index));
    const reached = ended?.at ?? operations.length;
    const count = this.#stopAtFirst ? (failures[0]?.index ?? reached) : reached;
    for (let i = 0; i < count; i++) {
      if (failed.has(i)) continue;
      if (operations[i]?.op === 'putNode') this.#nodes++;
      else this.#edges++;
      if (operations[i]?.op === 'createEdge') this.#isRepeatable = false;
    }
    for (const { index, error } of failures) this.#report(badLine(lineNumbers[index] ?? 0, error));
    if (ended !== undefined) throw ended.error;
  }

  #report(bad: BadLine): void {
    this.#failed++;
    // Lines that cannot be read are known before those that a load refuses, which may come before them.
    if (this.#bad.push(bad) >= 2 * LIMITS.importErrorsReportedMax) this.#bad = firstOf(this.#bad);
  }

  /** Applies the lines before an unreadable one; one of those may turn out to be bad, and is then the first. */
  async #stopAt(bad: BadLine): Promise<never> {
    await this.#loadAndWait();
    throw this.#endAt(bad);
  }

  #endAt({ line, code, detail }: BadLine): WeftError {
    const context = { line, reason: detail, reasonCode: code, applied: this.applied };
    return new WeftError('invalid-import-line', `line ${line}: ${detail}`, context);
  }
}

/** Throws on what is no bad line: a bug or a failed store ends the import. */
function badLine(line: number, error: unknown): BadLine {
  if (!(error instanceof WeftError)) throw error;
  // A line for which there is no room is one that cannot be taken, not a server that cannot work.
  if (error.kind.status >= 500 && error.code !== 'quota-exceeded') throw error;
  return { line, code: error.code, detail: error.message };
}

/** As many as are reported, in order. */
function firstOf(bad: readonly BadLine[]): BadLine[] {
  return bad.toSorted((a, b) => a.line - b.line).slice(0, LIMITS.importErrorsReportedMax);
}

function isBlank(line: string): boolean {
  // Most lines open with a brace, and are not looked at further.
  return line.charCodeAt(0) !== 0x7b && line.trim() === '';
}

function isTooLong(line: string): boolean {
  // At most three bytes a UTF-16 unit, so that short lines need no count.
  return line.length * 3 > LIMITS.importLineBytesMax && Buffer.byteLength(line) > LIMITS.importLineBytesMax;
}

function tooLong(): WeftError {
  return new WeftError('payload-too-large', `it is longer than ${LIMITS.importLineBytesMax} bytes`);
}

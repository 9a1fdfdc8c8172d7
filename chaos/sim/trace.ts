/**
 * What happened in a run: a hash over everything, so that two runs can be compared, and the last lines in words, so that
 * a failure can be told. Two lanes of 32 bits; not for adversaries.
 */
const STORY_LINES_MAX = 400;

export class Trace {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;
  #lines: string[] = [];
  /** Hears every line as it comes; for people who watch a run. */
  readonly #watch: ((line: string) => void) | undefined;

  constructor(watch?: (line: string) => void) {
    this.#watch = watch;
  }

  number(value: number): void {
    this.#mix(value | 0);
    this.#mix(Math.floor(value / 2 ** 32) | 0);
    this.#mix(Math.floor((value % 1) * 2 ** 32) | 0);
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#mix(-1);
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#mix(bytes[i] as number);
    this.#mix(-2);
  }

  /** Something that a reader of the story wants to know. */
  say(atMs: number, line: string): void {
    this.text(line);
    const told = `${atMs.toFixed(1).padStart(9)} ms  ${line}`;
    this.#lines.push(told);
    if (this.#lines.length > 2 * STORY_LINES_MAX) this.#lines = this.#lines.slice(-STORY_LINES_MAX);
    this.#watch?.(told);
  }

  /** The last lines, oldest first. */
  story(count: number): readonly string[] {
    return this.#lines.slice(-Math.min(count, STORY_LINES_MAX));
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#b = Math.imul((this.#b + value) ^ (this.#b >>> 15), 0x85ebca6b);
  }
}

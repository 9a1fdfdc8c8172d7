/** Writes the history while the run goes on, so that a run that is killed leaves what it saw until then. */
import { createWriteStream, type WriteStream } from 'node:fs';
import type { Entry, FaultBegin, FaultEnd, Invocation, Note } from './entry.ts';
import type { World } from './world.ts';

/** An omission that distributes over the kinds of entries. */
type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs' | 'type' | 'id' | 'fault'> : never;

export class Recorder {
  readonly entries: Entry[] = [];
  readonly #world: World;
  readonly #file: WriteStream;
  #lastId = 0;
  #lastFault = 0;
  /** For the progress line. */
  readonly tally = { ok: 0, fail: 0, info: 0, faults: 0 };

  constructor(world: World, file: string) {
    this.#world = world;
    this.#file = createWriteStream(file);
  }

  /** @returns the id that its end names */
  begin(invocation: WithoutTime<Invocation>): number {
    const id = ++this.#lastId;
    this.#write({ type: 'invoke', id, atMs: this.#world.nowMs(), ...invocation });
    return id;
  }

  end(id: number, type: 'ok' | 'fail' | 'info', rest: { status: number; code?: string; answer?: Invocation['call'] }) {
    this.tally[type]++;
    this.#write({ type, id, atMs: this.#world.nowMs(), ...rest });
  }

  /** @returns the number that its mending names */
  fault(beganMs: number, fault: WithoutTime<FaultBegin>): number {
    const number = ++this.#lastFault;
    this.tally.faults++;
    this.#write({ type: 'fault', fault: number, atMs: beganMs, ...fault });
    return number;
  }

  mended(fault: number, rest: WithoutTime<FaultEnd>): void {
    this.#write({ type: 'mended', fault, atMs: this.#world.nowMs(), ...rest });
  }

  phase(phase: Note['phase'], why?: string): void {
    this.#write({ type: 'phase', atMs: this.#world.nowMs(), phase, ...(why !== undefined && { why }) });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }

  #write(entry: Entry): void {
    this.entries.push(entry);
    this.#file.write(`${JSON.stringify(entry)}\n`);
  }
}

/**
 * Nodes of one label by the text of their key (`crdt/unique-key.ts`), over the open partitions of a view: what a unique
 * constraint is checked by. Like a property index it never forgets by itself, so whoever looks up checks the node.
 */

import type { Properties } from '../graph/value.ts';
import { keyText } from './unique-key.ts';

export class KeyIndex {
  readonly label: string;
  readonly names: readonly string[];
  /** Nearly every key has one node. */
  readonly #byKey = new Map<string, number | number[]>();
  #entries = 0;

  constructor(label: string, names: readonly string[]) {
    this.label = label;
    this.names = names;
  }

  get entries(): number {
    return this.#entries;
  }

  note(properties: Properties, node: number): void {
    const key = keyText(properties, this.names);
    if (key === undefined) return;
    const held = this.#byKey.get(key);
    if (held === undefined) this.#byKey.set(key, node);
    else if (typeof held === 'number') {
      if (held === node) return;
      this.#byKey.set(key, [held, node]);
    } else {
      if (held.includes(node)) return;
      held.push(node);
    }
    this.#entries++;
  }

  clear(): void {
    this.#byKey.clear();
    this.#entries = 0;
  }

  /** Candidates: of another key or gone, too. */
  find(key: string): readonly number[] {
    const held = this.#byKey.get(key);
    return held === undefined ? NONE : typeof held === 'number' ? [held] : held;
  }
}

const NONE: readonly number[] = [];

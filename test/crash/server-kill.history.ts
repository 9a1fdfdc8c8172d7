/**
 * What a client knows of its writes, and whether what a server shows after a restart can be explained by it. The unit is
 * a *change*: elements that one request creates together. Each is created once, perhaps deleted once, and never changed.
 *
 * - KILL-1 What was acknowledged is there, with the content that was sent.
 * - KILL-2 Of one request everything is there or nothing.
 * - KILL-3 What no request created is not there.
 * - KILL-4 Once a state was shown after a restart, it stays.
 * - KILL-5 Of an ordered stream a prefix is there.
 * - KILL-6 An increment with an Idempotency-Key that is repeated until it is acknowledged takes effect once.
 */

/** `unknown`: it was asked for, and no answer came. */
type Outcome = 'no' | 'unknown' | 'yes';

export interface Change {
  /** Canonical text of each element by its key; both endpoints of an edge lie in the same change or are never deleted. */
  readonly elements: ReadonlyMap<string, string>;
  created: Outcome;
  deleted: Outcome;
}

export class History {
  readonly changes: Change[] = [];

  /** To be called before the request is sent. */
  begin(elements: ReadonlyMap<string, string>): Change {
    const change: Change = { elements, created: 'unknown', deleted: 'no' };
    this.changes.push(change);
    return change;
  }

  /** Compares with all elements of a graph; what was unknown is settled by what is there. Returns what is wrong. */
  settle(shown: ReadonlyMap<string, string>): string[] {
    const wrong: string[] = [];
    let explained = 0;
    for (const change of this.changes) {
      let there = 0;
      for (const [key, text] of change.elements) {
        const found = shown.get(key);
        if (found === undefined) continue;
        there++;
        if (found !== text) wrong.push(`KILL-1: ${key} is ${found}, not ${text}`);
      }
      explained += there;
      const name = [...change.elements.keys()].join(' ');
      if (there > 0 && there < change.elements.size) wrong.push(`KILL-2: ${there} elements are there of ${name}`);
      const isThere = there > 0;
      if (isThere && change.created === 'no') wrong.push(`KILL-4: was not there after an earlier restart: ${name}`);
      if (isThere && change.deleted === 'yes') wrong.push(`KILL-1: deleted and still there: ${name}`);
      if (!isThere && change.created === 'yes' && change.deleted === 'no') wrong.push(`KILL-1: lost: ${name}`);
      if (change.deleted === 'no') change.created = isThere ? 'yes' : 'no';
      else change.deleted = isThere ? 'no' : 'yes';
    }
    if (explained !== shown.size) wrong.push(`KILL-3: ${shown.size - explained} elements that nobody created`);
    return wrong;
  }
}

/** A sum of `$inc`, each sent at most once. */
export class Counter {
  #acknowledged = 0;
  #attempted = 0;

  begin(amount: number): void {
    this.#attempted += amount;
  }

  acknowledge(amount: number): void {
    this.#acknowledged += amount;
  }

  /** As `History.settle`. */
  settle(shown: number): string[] {
    const wrong =
      shown >= this.#acknowledged && shown <= this.#attempted
        ? []
        : [`KILL-1: a counter is ${shown}, acknowledged ${this.#acknowledged}, attempted ${this.#attempted}`];
    this.#acknowledged = shown;
    this.#attempted = shown;
    return wrong;
  }
}

/** KILL-5 for keys in the order in which they were sent. */
export function prefixFaults(sent: readonly string[], shown: ReadonlySet<string>): string[] {
  const missing = sent.findIndex((key) => !shown.has(key));
  if (missing < 0) return [];
  const later = sent.slice(missing).find((key) => shown.has(key));
  return later === undefined ? [] : [`KILL-5: ${later} is there, ${sent[missing]} before it is not`];
}

/** What was found of one kind: all are counted, the first are kept. */
export class Findings<T> {
  count = 0;
  readonly #first: T[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(found: T): void {
    this.count++;
    if (this.#first.length < this.#max) this.#first.push(found);
  }

  sorted(compare: (a: T, b: T) => number): T[] {
    return this.#first.sort(compare);
  }
}

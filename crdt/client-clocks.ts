/** Clock numbers by Yjs client. Nearly every update is of one client, for which a map would cost more than its structs. */
export class ClientClocks {
  /** The client that came first; the clock of none is `undefined`. */
  #client = 0;
  #clock: number | undefined;
  #others: Map<number, number> | undefined;

  get size(): number {
    return (this.#clock === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  get(client: number): number | undefined {
    return client === this.#client ? this.#clock : this.#others?.get(client);
  }

  set(client: number, clock: number): void {
    if (this.#clock === undefined) this.#client = client;
    if (client === this.#client) this.#clock = clock;
    else {
      this.#others ??= new Map();
      this.#others.set(client, clock);
    }
  }

  *[Symbol.iterator](): Generator<readonly [client: number, clock: number]> {
    if (this.#clock === undefined) return;
    yield [this.#client, this.#clock];
    if (this.#others !== undefined) yield* this.#others;
  }
}

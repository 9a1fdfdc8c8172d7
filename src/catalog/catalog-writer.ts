/** How changes of the catalog are written: at once, or decided by a majority so that of two rivals one is refused. */
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { Graph } from '../engine-port.ts';

export interface CatalogWriter {
  /** Whether a majority decides, which may be waited for. */
  readonly isDecided: boolean;
  /** Comes before what the change rests on is read. */
  begin(): Promise<void>;
  write(operation: Operation): Promise<void>;
}

export class PlainCatalogWriter implements CatalogWriter {
  readonly isDecided = false;
  readonly #system: Graph;

  constructor(system: Graph) {
    this.#system = system;
  }

  async begin(): Promise<void> {}

  async write(operation: Operation): Promise<void> {
    await this.#system.write([operation]);
  }
}

/** Names of graphs are decided one after the other: every change is also one of this node, at the version that was read. */
const TURN = 'catalog-turn' as NodeId;

export class StrongCatalogWriter implements CatalogWriter {
  readonly isDecided = true;
  /** `_system` at level `strong`. */
  readonly #system: Graph;
  #version: string | undefined;

  constructor(system: Graph) {
    this.#system = system;
  }

  async begin(): Promise<void> {
    try {
      this.#version = (await this.#system.node(TURN)).version;
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'node-not-found') throw error;
      this.#version = undefined;
    }
  }

  /** @throws WeftError `precondition-failed` if somebody else changed the catalog since `begin`: begin again */
  async write(operation: Operation): Promise<void> {
    const condition = this.#version === undefined ? ({ noneMatch: '*' } as const) : { match: [this.#version] };
    await this.#system.write([operation, { op: 'putNode', id: TURN, labels: [], properties: {}, condition }]);
  }
}

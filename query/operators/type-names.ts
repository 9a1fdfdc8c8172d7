/**
 * Names of relationship types as tokens of the graph that is read, looked up once for a run: again and again while the graph
 * has none for one of them, since it may be that of a relationship which is not in memory yet.
 */
import type { TypeTokens } from '../../graph/query-graph.ts';
import type { Run } from '../execution/run.ts';

export class TypeNames {
  readonly #names: readonly string[];
  readonly #run: Run;
  #sequence = -1;
  #tokens: TypeTokens;

  /** @param names empty for all types */
  constructor(names: readonly string[], run: Run) {
    this.#names = names;
    this.#run = run;
  }

  tokens(): TypeTokens {
    if (this.#names.length === 0) return undefined;
    if (this.#sequence !== this.#run.sequence) {
      const tokens = this.#names.map((name) => this.#run.graph.typeToken(name));
      if (tokens.every((token) => token >= 0)) this.#sequence = this.#run.sequence;
      this.#tokens = tokens;
    }
    return this.#tokens;
  }
}

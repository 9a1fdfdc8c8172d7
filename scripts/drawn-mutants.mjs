/** For Stryker: of the mutants that lie in the given lines, lets those pass that were drawn (`scripts/mutation-sample.mjs`). */
import { readFileSync } from 'node:fs';
import { declareFactoryPlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** What a mutant is known by, whatever else is instrumented beside it; lines and columns from 0. */
export function keyOf(file, { location: { start, end }, mutatorName, replacement }) {
  return `${file}:${start.line}:${start.column}-${end.line}:${end.column} ${mutatorName} ${replacement}`;
}

class Drawn {
  #keys = new Set();

  async init() {
    this.#keys = new Set(JSON.parse(readFileSync(process.env.MUTATION_DRAWN ?? '', 'utf8')));
  }

  async check(mutants) {
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, this.#verdict(mutant)]));
  }

  group(mutants) {
    return [mutants.map(({ id }) => id)];
  }

  #verdict(mutant) {
    const file = mutant.fileName.replaceAll('\\', '/').match(/(?:^|\/)((?:crdt|storage|src)\/.*)$/)?.[1] ?? '';
    const drawn = this.#keys.has(keyOf(file, mutant));
    return drawn ? { status: 'passed' } : { status: 'compileError', reason: 'not drawn' };
  }
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.Checker, 'drawn', () => new Drawn())];

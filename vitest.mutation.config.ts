/** Tests for mutation testing: those beside the files that are changed, which must suffice to tell each change, or what a sample asks for. */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Set by `scripts/mutation.mjs`, and by `scripts/mutation-sample.mjs`: one pattern a line. */
const lines = (name: string) => process.env[name]?.split('\n').filter((line) => line !== '');
const tests = lines('MUTATION_TESTS') ?? ['{crdt,storage,src/replication,src/consistency}/**/*.test.ts'];

/** The shortest files first: one failing test is enough. */
class ShortestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).reverse();
  }
}

export default defineConfig({
  test: {
    include: tests,
    exclude: ['**/node_modules/**', ...(lines('MUTATION_NOT') ?? [])],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    sequence: { sequencer: ShortestFirst },
  },
});

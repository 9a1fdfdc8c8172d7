/** Tests for mutation testing: those beside the files that are changed, which must suffice to tell each change. */
import { defineConfig } from 'vitest/config';

/** Set by `scripts/mutation.mjs`. */
const tests = process.env.MUTATION_TESTS?.split(',') ?? ['{crdt,storage,src/replication,src/consistency}/**/*.test.ts'];

export default defineConfig({
  test: { include: tests, testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 1 },
});

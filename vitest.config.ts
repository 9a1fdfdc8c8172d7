import { defineConfig } from 'vitest/config';

const LIMITS = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...LIMITS,
          name: 'units',
          include: ['{base,graph,crdt,query,storage,src,api,client,console}/**/*.test.ts'],
          // Nothing in these folders has state of its own, so loading them once for all files is as good, and saves a minute.
          isolate: false,
        },
      },
      { test: { ...LIMITS, name: 'processes', include: ['{bin,chaos,test}/**/*.test.ts'] } },
    ],
  },
});

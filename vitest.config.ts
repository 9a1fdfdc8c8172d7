import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{base,graph,crdt,query,storage,src,api,client,bin,chaos,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});

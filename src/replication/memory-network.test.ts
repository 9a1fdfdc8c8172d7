import { expect } from 'vitest';
import { memoryNetwork } from './memory-network.model.ts';
import { transportConformance } from './transport.conformance.ts';

transportConformance('memory', async () => {
  const network = memoryNetwork();
  const a = network.transport('http://a');
  const b = network.transport('http://b');
  return {
    a,
    b,
    urlOfB: 'http://b',
    nowhere: 'http://nowhere',
    async until(condition) {
      for (let i = 0; i < 100 && !condition(); i++) network.advance(10);
      expect(condition()).toBe(true);
    },
    settle: async () => network.advance(1000),
    async close() {
      a.close();
      b.close();
      network.advance(1000);
    },
  };
});

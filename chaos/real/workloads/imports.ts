/** Bulk imports while faults come and go: what an import says that it applied is there, once, on every server. */
import { GRAPH, numbered, type Workload } from '../arena.ts';
import type { Call } from '../entry.ts';

type Import = Extract<Call, { kind: 'import' }>;

const IMPORT_MS_MAX = 60_000;

export const imports: Workload = {
  name: 'imports',
  about: 'bulk imports during faults: what was acknowledged is there in the end',
  checkers: ['elements'],
  start(arena, options) {
    const { clients = 2, size = 500, thinkMs = 500 } = options;
    return numbered(clients).map((index) => {
      const client = arena.client('imports', index, { stays: 0.5 });
      let number = 0;
      return arena.repeat(client, { ...options, thinkMs }, async () => {
        number++;
        const elements = numbered(size).map((line) => `import-${index}-${number}-${line}`);
        const nodes = elements.map((id) => JSON.stringify({ type: 'node', id, labels: ['Imported'], properties: {} }));
        const call: Import = { kind: 'import', elements: [`import-${index}-${number}-`, String(size)] };
        const told = await client.ask<Import>({
          call,
          level: 'session',
          method: 'POST',
          path: `${GRAPH}/import`,
          headers: { 'content-type': 'application/x-ndjson' },
          body: `${nodes.join('\n')}\n`,
          timeoutMs: IMPORT_MS_MAX,
          answer: ({ status, body }) => (status === 200 && body.nodes === size ? call : undefined),
        });
        return told.type === 'ok';
      });
    });
  },
};

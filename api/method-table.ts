/** Which methods a path takes, so that a wrong method answers 405 with `Allow` and only an unknown path answers 404. */
import type { FastifyInstance } from 'fastify';

interface Pattern {
  readonly segments: readonly string[];
  readonly methods: Set<string>;
}

const tables = new WeakMap<FastifyInstance, Map<string, Pattern>>();

/** Records every route that is added from now on. */
export function recordMethods(app: FastifyInstance): void {
  const table = new Map<string, Pattern>();
  tables.set(app, table);
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = table.get(url) ?? { segments: url.split('/'), methods: new Set<string>() };
    table.set(url, pattern);
    for (const each of Array.isArray(method) ? method : [method]) pattern.methods.add(each);
  });
}

/** The methods of all routes that match `path`, sorted; empty if there is no such path. */
export function allowedMethods(app: FastifyInstance, path: string): readonly string[] {
  const segments = path.split('/');
  const methods = new Set<string>();
  for (const pattern of tables.get(app)?.values() ?? []) {
    if (matches(pattern.segments, segments)) for (const method of pattern.methods) methods.add(method);
  }
  return [...methods].sort();
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const expected = pattern[i] as string;
    if (expected === '*') return true;
    const segment = path[i];
    if (segment === undefined) return false;
    if (expected.startsWith(':') ? segment === '' : segment !== expected) return false;
  }
  return pattern.length === path.length;
}

/**
 * Small graphs and documents that stay open until the process ends. The collection with which each measurement begins takes
 * the hidden classes of which no object is left, and the compiled code that knows them: then a contestant would be compiled
 * anew in each round. A process that serves always has such objects, so every contestant keeps some.
 */
const kept: unknown[] = [];

export function keepOpen<T>(open: T): T {
  kept.push(open);
  return open;
}

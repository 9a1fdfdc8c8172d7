/** What an import says of itself when the graph cannot go on: against a graph that ends a load where the test says. */
import { expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import type { Graph } from '../src/engine-port.ts';
import { ImportRun } from './import-run.ts';

const LINES = [
  '{"type":"node","id":"a"}',
  '{"type":"node","id":"b"}',
  '{"type":"relationship","label":"T","start":{"id":"a"},"end":{"id":"b"}}',
  '{"type":"node","id":"c"}',
].join('\n');

async function* chunks(): AsyncGenerator<Buffer> {
  yield Buffer.from(LINES);
}

test.each([true, false])(
  'a load ends in its middle, stop at first: %s -> what came before it is counted',
  async (stopAtFirst) => {
    const error = new WeftError('partition-recovering', 'a partition is damaged');
    const failure = { index: 1, error: new WeftError('invalid-value', 'a bad line') };
    const failures = stopAtFirst ? [] : [failure];
    const load: Graph['load'] = async () => ({ applied: 3 - failures.length, failures, ended: { at: 3, error } });
    const run = new ImportRun({ load } as Graph, { stopAtFirst });
    await expect(run.run(chunks())).rejects.toBe(error);
    const nodes = stopAtFirst ? 2 : 1;
    expect(run.applied).toEqual({ nodes, edges: 1, lines: nodes + 1 });
  },
);

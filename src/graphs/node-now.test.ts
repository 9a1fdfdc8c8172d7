import { afterEach, describe, expect, it } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { DEFAULT, node, type Running, type RunOptions, run, WriteGate } from '../engine-on-disk.model.ts';

const ID = 'n' as NodeId;
const running: Running[] = [];
afterEach(async () => {
  for (const { engine } of running.splice(0)) await engine.close();
});

async function started(options: RunOptions = {}): Promise<Running> {
  const started = await run(options);
  running.push(started);
  return started;
}

describe('a node at once', () => {
  it('nothing in flight -> what a read that waits answers; a deleted node -> the same refusal', async () => {
    const { graph } = await started();
    await graph.write([node(ID, { name: 'first' })]);
    expect(graph.nodeNow(ID)).toEqual(await graph.node(ID));
    expect(graph.nodeNow(ID)?.element.properties).toEqual({ name: 'first' });
    await graph.write([{ op: 'deleteNode', id: ID, detach: false }]);
    expect(() => graph.nodeNow(ID)).toThrow('there is no node `n`');
  });

  it('a write that is not durable yet -> not answered, until it is', async () => {
    const gate = new WriteGate();
    const { graph } = await started({ beforeWrite: gate.beforeWrite });
    await graph.write([node(ID)]);
    gate.close();
    const arrived = gate.arrival();
    const written = graph.write([node('later')]);
    await arrived;
    expect(graph.nodeNow('later' as NodeId)).toBeUndefined();
    expect(graph.nodeNow(ID)).toBeUndefined();
    gate.open();
    await written;
    expect(graph.nodeNow('later' as NodeId)?.element.id).toBe('later');
  });

  it('a partition that is closed -> not answered, until it was read', async () => {
    const first = await run();
    await first.graph.write([node(ID)]);
    await first.engine.close();
    const { graph } = await started({ disk: first.disk });
    expect(graph.nodeNow(ID)).toBeUndefined();
    const found = await graph.node(ID);
    expect(graph.nodeNow(ID)).toEqual(found);
  });

  it('at level strong, where others are asked -> not answered', async () => {
    const { engine, graph } = await started();
    await graph.write([node(ID)]);
    expect(engine.graph(DEFAULT, 'strong').nodeNow(ID)).toBeUndefined();
  });
});

import { expect, test, vi } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import type { Properties } from '../../graph/value.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { GraphOverlay } from './graph-overlay.ts';
import { StatementWrites } from './statement-writes.ts';

class KeyedGraph extends MemoryGraph {
  // What a unique constraint on `k` gives.
  override derivedNodeId(_labels: readonly string[], { k }: Properties): NodeId {
    return `k${k}` as NodeId;
  }
}

test('ids of many new nodes under a unique constraint -> none looks through the others', () => {
  const count = 1000;
  let looks = 0;
  const { addNode } = StatementWrites.prototype;
  const spy = vi.spyOn(StatementWrites.prototype, 'addNode').mockImplementation(function (this: StatementWrites, node) {
    const counted = new Proxy(node, {
      get(target, name) {
        looks++;
        return Reflect.get(target, name);
      },
    });
    return addNode.call(this, counted);
  });
  const overlay = new GraphOverlay(new KeyedGraph());
  const nodes = Array.from({ length: count }, (_, k) => overlay.createNode(['L'], { k }));
  expect(nodes.map((node) => overlay.nodeId(node))).toEqual(nodes.map((_, k) => `k${k}`));
  expect(nodes.map((_, k) => overlay.findNode(`k${k}`))).toEqual(nodes);
  spy.mockRestore();
  expect(looks).toBeLessThan(10 * count);
});

test('a new node is deleted -> its id finds nothing, and the next node with its key has it', () => {
  const overlay = new GraphOverlay(new KeyedGraph());
  const [first, second] = [1, 1].map((k) => overlay.createNode(['L'], { k })) as [number, number];
  expect(overlay.nodeId(first)).toBe('k1');
  // Somebody has the id.
  expect(overlay.nodeId(second)).not.toBe('k1');
  overlay.deleteNode(first, true);
  expect(overlay.findNode('k1')).toBe(-1);
  const third = overlay.createNode(['L'], { k: 1 });
  expect(overlay.nodeId(third)).toBe('k1');
  expect(overlay.findNode('k1')).toBe(third);
});

import { describe, expect, it } from 'vitest';
import { type EdgeId, type NodeId, type PartitionId, replicaId } from '../../base/ids.ts';
import { Draft } from '../../crdt/draft.ts';
import { GraphView } from '../../crdt/graph-view.ts';
import { makeEdgeId } from '../../crdt/routing.ts';
import { HybridClock } from '../../crdt/stamp.ts';
import { uniqueText } from '../../crdt/unique-text.ts';
import { edgeAt, edgeVersion, findEdge, findNode, nodeAt, nodeVersion } from '../../crdt/view-reads.ts';
import type { Operation } from '../../graph/model.ts';
import type { OperationResult } from '../engine-port.ts';

const REPLICA = replicaId(7);
const PARTITIONS = 4;
const a = 'a' as NodeId;
const b = 'b' as NodeId;

/** A view with nodes a and b, and a clock that stands still: so the ids that a draft will make are known before. */
function started() {
  const view = new GraphView({ partitions: PARTITIONS, restoringTypes: [] });
  for (let i = 0; i < PARTITIONS; i++) view.open(String(i) as PartitionId);
  const clock = new HybridClock({ wallMs: () => 0, monotonicMs: () => 0 });
  const run = (operations: readonly Operation[]) => {
    const draft = new Draft({ view, clock, replica: REPLICA, skipEqual: false });
    const results = operations.map((operation) => draft.apply(operation));
    for (const { home, patch, text } of draft.patches) view.fold(view.needAt(home), patch, text.length);
    return { results, lookedBack: draft.lookedBack };
  };
  run([node(a), node(b)]);
  /** What the draft's `nth` stamp from now on is made into. */
  const next = (nth: number) => uniqueText({ clock: clock.last + nth, replica: REPLICA });
  const nextEdge = (nth: number, from: NodeId) => makeEdgeId(view.partitionOf(from), next(nth));
  return { view, run, next, nextEdge };
}

const node = (id?: NodeId): Operation => ({ op: 'createNode', labels: ['L'], properties: { x: 1 }, ...(id && { id }) });
const edge = (from: NodeId, to: NodeId): Operation => ({ op: 'createEdge', type: 'T', from, to, properties: { y: 1 } });

describe('elements with ids made here', () => {
  it('nothing looks for them -> the results are what the view shows afterwards', () => {
    const { view, run } = started();
    const { results, lookedBack } = run([node(), edge(a, b), { ...node(), labels: ['M', 'L', 'M'] } as Operation]);
    expect(lookedBack).toBe(false);
    expect(results).toEqual(
      results.map(({ op, id }): OperationResult => {
        if (op === 'createNode') {
          const at = findNode(view, id) as number;
          return { op, id, created: true, element: nodeAt(view, at), version: nodeVersion(view, at) };
        }
        const at = findEdge(view, id) as number;
        return { op, id, created: true, element: edgeAt(view, at), version: edgeVersion(view, at) };
      }),
    );
  });

  it('a later operation changes the node -> found; the result is not the last word', () => {
    const { view, run, next } = started();
    const id = next(1) as NodeId;
    const { lookedBack } = run([node(), { op: 'patchNode', id, properties: { x: { kind: 'increment', by: 2 } } }]);
    expect(lookedBack).toBe(true);
    expect(nodeAt(view, findNode(view, id) as number).properties).toEqual({ x: 3 });
  });

  it('a later operation creates the node once more -> node-exists', () => {
    const { run, next } = started();
    const id = next(1) as NodeId;
    expect(() => run([node(), node(id)])).toThrow('exists');
  });

  it('somebody chose the id that is made next -> node-exists, in the view and in the draft', () => {
    const first = started();
    first.run([node(first.next(2) as NodeId)]);
    expect(() => first.run([node()])).toThrow('exists');
    const second = started();
    expect(() => second.run([node(second.next(2) as NodeId), node()])).toThrow('exists');
  });

  it('a later edge ends at the node -> both are there', () => {
    const { view, run, next, nextEdge } = started();
    const id = next(1) as NodeId;
    run([node(), edge(id, a)]);
    expect(findNode(view, id)).toBeDefined();
    expect(view.edges.capacity).toBe(1);
    expect(findEdge(view, nextEdge(0, id))).toBeDefined();
  });

  it('a later operation deletes the edge -> gone', () => {
    const { view, run, nextEdge } = started();
    const id = nextEdge(1, a) as EdgeId;
    run([edge(a, b), { op: 'deleteEdge', id }]);
    expect(view.edges.capacity).toBe(1);
    expect(findEdge(view, id)).toBeUndefined();
  });

  it.each(['a', 'b'])(
    'a later operation deletes the end %s of the edge -> refused, or the edge goes with it',
    (end) => {
      const { view, run, nextEdge } = started();
      const remove = { op: 'deleteNode', id: end as NodeId } as const;
      expect(() => run([edge(a, b), { ...remove, detach: false }])).toThrow('has 1 edges');
      const id = nextEdge(1, a) as EdgeId;
      run([edge(a, b), { ...remove, detach: true }]);
      expect(view.edges.capacity).toBe(1);
      expect(findEdge(view, id)).toBeUndefined();
    },
  );

  it('an end is deleted and created again -> the edge does not come back with it', () => {
    const { view, run, nextEdge } = started();
    const id = nextEdge(1, a) as EdgeId;
    run([edge(a, b), { op: 'deleteNode', id: a, detach: true }, node(a)]);
    expect(findNode(view, a)).toBeDefined();
    expect(findEdge(view, id)).toBeUndefined();
  });
});

/** What a server takes of the patches of an offline replica, which it does not trust. */
import { describe, expect, test } from 'vitest';
import { type PartitionId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Value } from '../graph/value.ts';
import type { Assignments, Patch } from './patch.ts';
import { encodePatch } from './patch-codec.ts';
import { checkReplicaPatches, isPartition } from './replica-patches.ts';
import { partitionOfNode } from './routing.ts';
import { clockOfWallMs } from './stamp.ts';
import { initialUpdate } from './text-history.ts';
import { textRoot } from './text-root.ts';

const PARTITIONS = 16;
const NOW_MS = 1_750_000_000_000;
const REPLICA = replicaId(9);
const clock = clockOfWallMs(NOW_MS);
const stamp = { clock, replica: REPLICA };
const home = (id: string) => partitionOfNode(id, PARTITIONS);
const node: Patch = { kind: 'node-create', id: 'n', ...stamp, labels: ['L'], properties: { p: 1 } };
const update: Patch = { kind: 'node-update', id: 'n', ...stamp, properties: {} };
const created: Patch = { kind: 'edge-create', id: 'e', ...stamp, type: 'T', from: 'n', to: 'm', properties: {} };
const stub: Patch = { kind: 'stub-create', id: 'e', ...stamp, type: 'T', from: 'n', to: 'm' };
const edgeUpdate: Patch = { kind: 'edge-update', id: 'e', ...stamp, properties: { p: 1 } };
const edgeDelete: Patch = { kind: 'edge-delete', id: 'e', ...stamp };
const stubDelete: Patch = { kind: 'stub-delete', id: 'e', ...stamp, from: 'n' };

type Placed = readonly [partition: string, patch: Patch];

function take(placed: readonly Placed[], mayWrite: (partition: string) => boolean = () => true): readonly Patch[] {
  const texts = placed.map(([partition, patch]) => ({ partition: partition as PartitionId, text: encodePatch(patch) }));
  return checkReplicaPatches(texts, { replica: REPLICA, partitions: PARTITIONS, mayWrite, wallMs: NOW_MS });
}

function refusal(placed: readonly Placed[], mayWrite?: (partition: string) => boolean) {
  try {
    take(placed, mayWrite);
  } catch (error) {
    const { code, message, context } = error as { code: string; message: string; context: object };
    return { code, message, context };
  }
  return undefined;
}

/** The node `n` with these assignments, where it belongs. */
const withMore = (more: Assignments, properties = {}): Placed[] => [
  [home('n'), { ...update, properties, more } as Patch],
];
const nested = (depth: number): Value => (depth === 0 ? 1 : [nested(depth - 1)]);
const nestedMap = (depth: number): Value => (depth === 0 ? 1 : { a: nestedMap(depth - 1) });
const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
const record = (count: number) => Object.fromEntries(names(count).map((name) => [name, 1]));

describe('a batch', () => {
  test('patches of nodes and of whole edges, each where it belongs -> the patches', () => {
    const all: Placed[] = [
      [home('n'), node],
      [home('s!x'), { ...node, id: 's!x' } as Patch],
      [home('n'), update],
      [home('n'), created],
      [home('m'), stub],
      [home('n'), edgeUpdate],
      [home('n'), edgeDelete],
      [home('m'), stubDelete],
      [home('n'), { kind: 'node-delete', id: 'n', ...stamp }],
    ];
    expect(take(all)).toEqual(all.map(([, patch]) => patch));
  });

  test('none, or more than a batch may have -> refused', () => {
    expect(refusal([])).toMatchObject({ code: 'invalid-request', message: 'a batch has 1 to 20000 patches' });
    const many = Array.from({ length: 2 * LIMITS.batchOperationsMax + 1 }, (): Placed => [home('n'), update]);
    expect(refusal(many)).toMatchObject({ code: 'invalid-request', message: 'a batch has 1 to 20000 patches' });
    expect(take(many.slice(1)).length).toBe(2 * LIMITS.batchOperationsMax);
  });

  test('one of several is bad -> refused, with its index', () => {
    const bad: Placed = ['1', { ...update, replica: replicaId(8) } as Patch];
    expect(refusal([[home('n'), node], bad])).toMatchObject({ code: 'invalid-request', context: { operation: 1 } });
  });
});

describe('a patch (SYN-1, SYN-2)', () => {
  test('the stamp of another replica -> refused', () => {
    expect(refusal([[home('n'), { ...update, replica: replicaId(8) } as Patch]])?.message).toContain('another replica');
  });

  test('a stamp in the future -> refused beyond the drift limit', () => {
    const at = (aheadMs: number): Placed[] => [
      [home('n'), { ...update, clock: clockOfWallMs(NOW_MS + aheadMs) } as Patch],
    ];
    expect(refusal(at(LIMITS.clockDriftMsMax))).toBeUndefined();
    expect(refusal(at(LIMITS.clockDriftMsMax + 1))?.code).toBe('clock-ahead');
    expect(refusal(at(-1e9))).toBeUndefined();
  });

  test('a partition in which the replica may not write -> forbidden', () => {
    expect(refusal([[home('n'), node]], (partition) => partition !== home('n'))).toMatchObject({ code: 'forbidden' });
  });

  test.each<[string, Patch, string]>([
    ['a node', node, 'n'],
    ['an update of one', update, 'n'],
    ['its end', { kind: 'node-delete', id: 'n', ...stamp }, 'n'],
    ['a node of a scope', { ...node, id: 's!n' } as Patch, 's!n'],
  ])('%s in another partition -> refused', (_, patch, id) => {
    const other = String((Number(home('n')) + 1) % PARTITIONS);
    expect(refusal([[other, patch]])?.message).toContain(`does not belong into partition ${other}`);
    expect(refusal([[home(id), patch]])).toBeUndefined();
  });

  test('an edge away from its source, a stub away from its target -> refused', () => {
    expect(home('n')).not.toBe(home('m'));
    expect(
      refusal([
        [home('m'), created],
        [home('m'), stub],
      ])?.context,
    ).toEqual({ operation: 0 });
    expect(
      refusal([
        [home('n'), created],
        [home('n'), stub],
      ])?.context,
    ).toEqual({ operation: 1 });
  });

  test('more characters than a patch may have -> refused before it is read', () => {
    const text = 'x'.repeat(LIMITS.patchCharsMax + 1);
    const rights = { replica: REPLICA, partitions: PARTITIONS, mayWrite: () => true, wallMs: NOW_MS };
    const check = (patch: string) => checkReplicaPatches([{ partition: '0' as PartitionId, text: patch }], rights);
    expect(() => check(text)).toThrow(expect.objectContaining({ code: 'payload-too-large' }));
    expect(() => check(text.slice(1))).not.toThrow(expect.objectContaining({ code: 'payload-too-large' }));
  });
});

describe('names and sizes', () => {
  const long = 'x'.repeat(LIMITS.nameBytesMax + 1);
  const pair = (over: object): Placed[] => [
    [partitionOfNode((over as { from?: string }).from ?? 'n', PARTITIONS), { ...created, ...over } as Patch],
    [partitionOfNode((over as { to?: string }).to ?? 'm', PARTITIONS), { ...stub, ...over } as Patch],
  ];

  test.each<[string, Placed[]]>([
    ['node id', [[home(long), { ...node, id: long } as Patch]]],
    ['edge id', pair({ id: long })],
    ['edge type', pair({ type: long })],
    ['node id', pair({ from: long })],
    ['node id', pair({ to: long })],
    ['node id', [['1', { ...stubDelete, from: long } as Patch]]],
    ['edge id', [['1', { ...edgeUpdate, id: long } as Patch]]],
    ['label', [[home('n'), { ...node, labels: ['L', long] } as Patch]]],
    ['property name', [[home('n'), { ...node, properties: { [long]: 1 } } as Patch]]],
    ['label', withMore({ labelsAdded: [long] })],
    ['label', withMore({ labelsRemoved: [long] })],
    ['property name', withMore({ propertiesRemoved: [long] })],
    ['property name', withMore({ totals: new Map([[long, { since: 1, total: 1 }]]) })],
    ['property name', withMore({ members: new Map([[long, { add: [1], remove: [] }]]) })],
    ['property name', withMore({ seen: new Map([[long, new Map([[REPLICA, { since: 1, total: 1 }]])]]) })],
    ['property name', withMore({ textsMade: [long] })],
  ])('a %s too long -> refused', (what, placed) => {
    expect(refusal(placed)).toMatchObject({
      code: 'invalid-name',
      message: expect.stringContaining(`the ${what} has`),
    });
  });

  test('as many labels, properties and levels of a value as there may be -> taken; one more -> refused', () => {
    const { labelsMax, propertiesMax, valueDepthMax } = LIMITS;
    const cases: [number, (count: number) => Placed[], code?: string][] = [
      [labelsMax, (count) => [[home('n'), { ...node, labels: names(count) } as Patch]]],
      [labelsMax, (count) => withMore({ labelsAdded: names(count), labelsRemoved: names(labelsMax) })],
      [propertiesMax, (count) => [[home('n'), { ...node, properties: record(count) } as Patch]]],
      [propertiesMax, (count) => withMore({ propertiesRemoved: names(propertiesMax), textsMade: names(count) })],
      [
        valueDepthMax,
        (count) => [[home('n'), { ...node, properties: { p: nested(count) } } as Patch]],
        'invalid-value',
      ],
      [
        valueDepthMax,
        (count) => [[home('n'), { ...node, properties: { p: nestedMap(count) } } as Patch]],
        'invalid-value',
      ],
      [valueDepthMax - 1, (count) => withMore({ members: new Map([['p', { add: [nested(count)], remove: [] }]]) })],
      [valueDepthMax - 1, (count) => withMore({ members: new Map([['p', { add: [], remove: [nestedMap(count)] }]]) })],
    ];
    for (const [limit, placed, code = 'payload-too-large'] of cases) {
      expect(refusal(placed(limit))).toBeUndefined();
      expect(refusal(placed(limit + 1))).toMatchObject({ code });
    }
  });
});

describe('a change of a text', () => {
  const change = (by: { clock: number; replica: typeof REPLICA }, element: 'node' | 'edge') => {
    const root = textRoot({ element, id: element === 'node' ? 'n' : 'e', property: 't', of: stamp });
    const bytes = initialUpdate(root, by, 'text') as Uint8Array;
    return { textChanges: new Map([['t', { of: stamp, update: bytes }]]) };
  };

  test('under the own stamp -> taken, of nodes and of edges; in the name of somebody else -> refused', () => {
    const ofEdge = (more: Assignments): Placed[] => [['1', { ...edgeUpdate, more } as Patch]];
    expect(refusal(withMore(change(stamp, 'node')))).toBeUndefined();
    expect(refusal(ofEdge(change(stamp, 'edge')))).toBeUndefined();
    for (const by of [
      { ...stamp, clock: clock - 1 },
      { ...stamp, replica: replicaId(8) },
    ]) {
      expect(refusal(withMore(change(by, 'node')))?.message).toContain('in the name of somebody else');
      expect(refusal(ofEdge(change(by, 'edge')))?.message).toContain('in the name of somebody else');
    }
  });
});

describe('an edge and its stub (SYN-3)', () => {
  const unpaired = 'the patches of edge `e` and of its stub do not belong together';
  const [at, to] = [home('n'), home('m')];
  const lone: [string, Placed[]][] = [
    ['an edge without a stub', [[at, created]]],
    ['a stub without an edge', [[to, stub]]],
    ['an end without that of the stub', [[at, edgeDelete]]],
    ['an end of a stub alone', [[to, stubDelete]]],
    [
      'two edges',
      [
        [at, created],
        [at, created],
      ],
    ],
    [
      'two stubs',
      [
        [to, stub],
        [to, stub],
      ],
    ],
    [
      'two ends of the edge',
      [
        [at, edgeDelete],
        [at, edgeDelete],
      ],
    ],
    [
      'another type',
      [
        [at, created],
        [to, { ...stub, type: 'U' } as Patch],
      ],
    ],
    [
      'another source',
      [
        [at, created],
        [to, { ...stub, from: 'x' } as Patch],
      ],
    ],
    [
      'another target',
      [
        [at, created],
        [home('x'), { ...stub, to: 'x' } as Patch],
      ],
    ],
    [
      'another stamp',
      [
        [at, created],
        [to, { ...stub, clock: clock - 1 } as Patch],
      ],
    ],
    [
      'a beginning and an end',
      [
        [at, created],
        [to, stubDelete],
      ],
    ],
  ];
  test.each(lone)('%s -> refused', (_, placed) => {
    expect(refusal(placed)).toMatchObject({ code: 'invalid-request', message: unpaired });
  });

  test('in any order, and several edges -> taken', () => {
    const other = (patch: Patch) => ({ ...patch, id: 'f' }) as Patch;
    const all: Placed[] = [
      [to, stub],
      [at, other(created)],
      [at, created],
      [to, stubDelete],
      [to, other(stub)],
      [at, edgeDelete],
    ];
    expect(take(all).length).toBe(6);
  });

  test('an update or an end in a partition that cannot be -> refused', () => {
    for (const partition of ['16', '01', 's', '!', 'a!b!', 'a!b', '-1', '']) {
      expect(isPartition(partition, PARTITIONS)).toBe(false);
      expect(refusal([[partition, edgeUpdate]])?.message).toContain(`there is no partition ${partition}`);
      expect(
        refusal([
          [partition, edgeDelete],
          ['1', stubDelete],
        ])?.message,
      ).toContain('there is no partition');
      expect(
        refusal([
          ['1', edgeDelete],
          [partition, stubDelete],
        ])?.message,
      ).toContain('there is no partition');
    }
    for (const partition of ['0', '9', '15', 'a!']) {
      expect(isPartition(partition, PARTITIONS)).toBe(true);
      expect(refusal([[partition, edgeUpdate]])).toBeUndefined();
    }
    expect(isPartition('9999', 10_000)).toBe(true);
  });
});

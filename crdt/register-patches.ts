/** Registers as patches, for snapshots and compaction. */
import { assert } from '../base/assert.ts';
import type { ReplicaId } from '../base/ids.ts';
import { setOwn } from '../base/record.ts';
import type { Value } from '../graph/value.ts';
import type { Patch } from './patch.ts';
import type { Ends, Registers } from './registers.ts';
import { NEVER } from './stamp.ts';

type Element = 'node' | 'edge' | 'stub';

/** Each register as a patch of its own: folding them into empty registers gives these. */
export function* toPatches(registers: Registers, element: Element, id: string): Generator<Patch> {
  const at = (clock: number, replica: number) => ({ clock, replica: replica as ReplicaId, id });
  if (registers.createdClock !== NEVER) {
    yield createPatch(element, at(registers.createdClock, registers.createdReplica), registers.ends);
  }
  for (const { clock, replica, ends } of registers.former ?? []) {
    yield createPatch(element, at(clock, replica), ends);
  }
  for (const { clock, replica } of registers.deletes ?? []) {
    const stamped = at(clock, replica);
    if (element === 'stub') yield { kind: 'stub-delete', ...stamped, from: registers.source };
    else yield { kind: element === 'node' ? 'node-delete' : 'edge-delete', ...stamped };
  }
  const kind = element === 'node' ? 'node-update' : 'edge-update';
  for (const [label, { clock, replica, present }] of registers.allLabels()) {
    const more = present ? { labelsAdded: [label] } : { labelsRemoved: [label] };
    yield { kind, ...at(clock, replica), properties: {}, more };
  }
  for (const [name, property] of registers.allProperties()) {
    const { clock, replica, value, seen, totals, members, isText, texts } = property;
    if (clock !== NEVER) {
      const properties: { [name: string]: Value } = {};
      if (value !== undefined) setOwn(properties, name, value);
      const more = {
        ...(value === undefined && { propertiesRemoved: [name] }),
        ...(seen !== undefined && { seen: new Map([[name, seen]]) }),
        ...(isText && { textsMade: [name] }),
      };
      yield { kind, ...at(clock, replica), properties, more };
    }
    for (const [writer, { since, total, clock }] of totals ?? []) {
      yield { kind, ...at(clock, writer), properties: {}, more: { totals: new Map([[name, { since, total }]]) } };
    }
    for (const { of, changes } of texts ?? []) {
      for (const { clock, replica, update } of changes) {
        yield {
          kind,
          ...at(clock, replica),
          properties: {},
          more: { textChanges: new Map([[name, { of, update }]]) },
        };
      }
    }
    for (const { value, clock, replica, present } of members?.values() ?? []) {
      const change = present ? { add: [value], remove: [] } : { add: [], remove: [value] };
      yield { kind, ...at(clock, replica), properties: {}, more: { members: new Map([[name, change]]) } };
    }
  }
}

function createPatch(
  element: Element,
  stamped: { clock: number; replica: ReplicaId; id: string },
  ends: Ends | undefined,
): Patch {
  if (element === 'node') return { kind: 'node-create', ...stamped, labels: [], properties: {} };
  assert(ends !== undefined, 'a create of an edge names its ends');
  if (element === 'stub') return { kind: 'stub-create', ...stamped, ...ends };
  return { kind: 'edge-create', ...stamped, ...ends, properties: {} };
}

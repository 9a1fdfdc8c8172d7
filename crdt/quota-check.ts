/** Weighs patches that offline replicas made, which are taken or refused as they are, against a quota. */

import { getOwn } from '../base/record.ts';
import type { Properties } from '../graph/value.ts';
import { copiedEdge, copiedNode } from './copied-registers.ts';
import type { DraftedPatch } from './drafted-patch.ts';
import { EDGE_THERE } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { type QuotaRules, quotaExceeded } from './quota-meter.ts';
import type { Registers } from './registers.ts';
import { scopeOf } from './routing.ts';
import { ELEMENT_BYTES, propertiesBytes, propertyBytes } from './usage.ts';

/**
 * Creates of what is there already, or is created twice, do not count, and properties by what they grow: so patches that come
 * again add nothing.
 * @throws WeftError `quota-exceeded`, definite
 */
export function checkPatches(view: GraphView, rules: QuotaRules, patches: readonly DraftedPatch[]): void {
  const made = new Set<string>();
  const gone = new Set<string>();
  let bytes = 0;
  const ofScopes = new Map<string, { elements: number; bytes: number }>();
  const { quota } = rules;
  const weighsBytes = quota.bytes !== undefined || quota.scopeBytes !== undefined;
  const merged = new Merged(view);
  for (const { home, patch } of patches) {
    const partition = view.partitionAt(home);
    const scope = scopeOf(partition);
    const of = scope === undefined ? undefined : (ofScopes.get(scope) ?? { elements: 0, bytes: 0 });
    if (scope !== undefined && of !== undefined) ofScopes.set(scope, of);
    const grow = (elements: number, added: number) => {
      bytes += ELEMENT_BYTES * elements + added;
      if (of === undefined) return;
      of.elements += elements;
      of.bytes += ELEMENT_BYTES * elements + added;
    };
    const key = `${patch.kind.slice(0, 4)} ${partition} ${patch.id}`;
    const held = patch.kind.startsWith('node') ? nodeHeld(view, patch.id) : edgeHeld(view, home, patch.id);
    const isThere = held !== undefined;
    switch (patch.kind) {
      case 'node-create':
      case 'edge-create': {
        const isNew = !isThere && !made.has(key);
        if (isNew) made.add(key);
        grow(Number(isNew), weighsBytes ? grownBytes(patch.properties, held) + merged.grownBytes(key, home, patch) : 0);
        break;
      }
      case 'node-update':
      case 'edge-update':
        if (weighsBytes) grow(0, grownBytes(patch.properties, held) + merged.grownBytes(key, home, patch));
        break;
      case 'node-delete':
      case 'edge-delete':
        if (made.delete(key) || (isThere && !gone.has(key))) {
          if (isThere) gone.add(key);
          grow(-1, 0);
        }
    }
  }
  const check = (limit: keyof typeof quota, used: number, wanted: number, scope?: string) => {
    const max = quota[limit];
    if (max === undefined || wanted <= 0 || used + wanted <= max) return;
    rules.refused();
    throw quotaExceeded({ limit, max, used, wanted, ...(scope === undefined ? {} : { scope }) });
  };
  const used = rules.used();
  check('elements', used.nodes + used.edges, made.size - gone.size);
  check('bytes', used.bytes, bytes);
  for (const [scope, growth] of ofScopes) {
    const usedIn = rules.usedIn(scope);
    check('scopeElements', usedIn.nodes + usedIn.edges, growth.elements, scope);
    check('scopeBytes', usedIn.bytes, growth.bytes, scope);
  }
}

function grownBytes(properties: Properties, held: Properties | undefined): number {
  let bytes = propertiesBytes(properties);
  for (const name in properties) {
    const before = held === undefined ? undefined : getOwn(held, name);
    if (before !== undefined) bytes -= propertyBytes(name, before);
  }
  return bytes;
}

type Assigning = Extract<Patch, { readonly more?: unknown }>;

/** Elements as the patches so far leave them: what sets, counters and texts become, only the merge rules say. */
class Merged {
  readonly #view: GraphView;
  readonly #registers = new Map<string, Registers>();

  constructor(view: GraphView) {
    this.#view = view;
  }

  /** What the patch makes sets, counters and texts grow by; nothing if it is there already. */
  grownBytes(key: string, home: number, patch: Assigning): number {
    let registers = this.#registers.get(key);
    if (patch.more === undefined && registers === undefined) return 0;
    registers ??= patch.kind.startsWith('node')
      ? copiedNode(this.#view, patch.id)
      : copiedEdge(this.#view, patch.id, home);
    this.#registers.set(key, registers);
    const { members, totals, textChanges } = patch.more ?? {};
    const names = new Set([...(members?.keys() ?? []), ...(totals?.keys() ?? []), ...(textChanges?.keys() ?? [])]);
    const before = bytesOf(registers, names);
    registers.fold(patch);
    return bytesOf(registers, names) - before;
  }
}

function bytesOf(registers: Registers, names: ReadonlySet<string>): number {
  let bytes = 0;
  for (const name of names) {
    const value = registers.property(name);
    if (value !== undefined) bytes += propertyBytes(name, value);
  }
  return bytes;
}

/** What a node shows that is there; undefined if it is not. */
function nodeHeld(view: GraphView, id: string): Properties | undefined {
  const node = view.nodes.find(id);
  return node !== undefined && view.nodes.isThere(node) ? view.nodes.properties[node] : undefined;
}

function edgeHeld(view: GraphView, home: number, id: string): Properties | undefined {
  const edge = view.edges.find(id, home);
  return edge !== undefined && view.edges.has(edge, EDGE_THERE) ? view.edges.properties[edge] : undefined;
}

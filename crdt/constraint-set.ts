/**
 * The constraints of a graph as writes ask for them: by label, with what each wants of an element by itself. Whether another
 * element has the same key is not known here (`draft-constraints.ts`).
 */
import { WeftError } from '../base/errors.ts';
import type { NodeId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { getOwn } from '../base/record.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import type { Properties } from '../graph/value.ts';
import { derivedNodeId } from './derived-node-id.ts';
import { keyText } from './unique-key.ts';
import { isOfTypes } from './value-types.ts';

/** What an element shows. */
export interface Shown {
  /** Of an edge, its type. */
  readonly labels: readonly string[];
  readonly properties: Properties;
}

export class Constraint {
  readonly entry: SchemaEntry;
  /** Of a key, in canonical order: `(a, b)` and `(b, a)` are one. */
  readonly names: readonly string[];
  readonly isUnique: boolean;
  readonly #mustExist: boolean;

  constructor(entry: SchemaEntry) {
    this.entry = entry;
    this.names = Array.from(new Set(entry.properties)).sort(compareText);
    this.isUnique = entry.kind === 'unique' || entry.kind === 'key';
    this.#mustExist = entry.kind === 'exists' || entry.kind === 'key';
  }

  /** The key by which an element must be the only one; undefined if it need not. */
  keyOf({ labels, properties }: Shown): string | undefined {
    if (!this.isUnique || !labels.includes(this.entry.label)) return undefined;
    return keyText(properties, this.names);
  }

  derivedId(key: string): NodeId {
    return derivedNodeId(this.entry.label, this.names, key);
  }

  /** What an element that is bound by it lacks, in words; undefined if nothing. */
  fault(properties: Properties): string | undefined {
    const { types } = this.entry;
    for (const name of this.names) {
      const value = getOwn(properties, name) ?? null;
      if (value === null) {
        if (this.#mustExist) return `\`${name}\` is missing`;
      } else if (types !== undefined && !isOfTypes(value, types))
        return `\`${name}\` is not of type ${types.join(' | ')}`;
    }
    return undefined;
  }

  refusal(detail: string, context: { readonly ids: readonly string[]; readonly operation?: number }): WeftError {
    const { name, label, properties } = this.entry;
    const message = `constraint \`${name}\` on ${label}(${properties.join(', ')}): ${detail}`;
    return new WeftError('constraint-violated', message, { constraint: name, ...context });
  }
}

export class ConstraintSet {
  /** In the order of their declaration, which is the same on every server that knows them. */
  readonly all: readonly Constraint[];
  readonly #ofNodes = new Map<string, Constraint[]>();
  readonly #ofEdges = new Map<string, Constraint[]>();

  constructor(constraints: readonly Constraint[]) {
    this.all = Array.from(constraints).sort(
      ({ entry: a }, { entry: b }) => (a.since ?? 0) - (b.since ?? 0) || compareText(a.name, b.name),
    );
    for (const constraint of this.all) {
      const { on, label } = constraint.entry;
      const byName = on === 'node' ? this.#ofNodes : this.#ofEdges;
      const others = byName.get(label);
      if (others === undefined) byName.set(label, [constraint]);
      else others.push(constraint);
    }
  }

  /** Of what is declared; undefined if there are none, as in most graphs. Kept for as long as the array is. */
  static of(entries: readonly SchemaEntry[]): ConstraintSet | undefined {
    if (entries.length === 0) return undefined;
    if (MADE.has(entries)) return MADE.get(entries);
    const constraints = entries.filter(({ kind }) => kind !== 'index').map((entry) => new Constraint(entry));
    const made = constraints.length === 0 ? undefined : new ConstraintSet(constraints);
    MADE.set(entries, made);
    return made;
  }

  bindsLabels(labels: readonly string[]): boolean {
    return labels.some((label) => this.#ofNodes.has(label));
  }

  /** Constraints that bind a node with these labels, in order. */
  ofNode(labels: readonly string[]): readonly Constraint[] {
    let found: Constraint[] | undefined;
    let isMixed = false;
    for (const label of labels) {
      const own = this.#ofNodes.get(label);
      if (own === undefined) continue;
      isMixed ||= found !== undefined;
      found = found === undefined ? own : [...found, ...own];
    }
    return isMixed ? this.all.filter((each) => found?.includes(each)) : (found ?? NONE);
  }

  ofEdge(type: string): readonly Constraint[] {
    return this.#ofEdges.get(type) ?? NONE;
  }

  /** The id that a node gets from its key: that of the first unique constraint for which it has one. */
  derivedId(shown: Shown): NodeId | undefined {
    for (const constraint of this.ofNode(shown.labels)) {
      const key = constraint.keyOf(shown);
      if (key !== undefined) return constraint.derivedId(key);
    }
    return undefined;
  }
}

const NONE: readonly Constraint[] = [];

const MADE = new WeakMap<readonly SchemaEntry[], ConstraintSet | undefined>();

/** Looks through elements, in any order, for those that break a constraint. */
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { compareText } from '../base/order.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import { Constraint, type Shown } from './constraint-set.ts';
import { EDGE_EXISTS } from './edge-table.ts';
import { type GraphView, Unhydrated } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';

export interface ConstraintViolations {
  readonly constraint: string;
  /** Elements that break it. */
  readonly elements: number;
  /** Their ids: those of one key together, each other one alone. In canonical order; at most `violationGroupsMax`. */
  readonly groups: readonly (readonly string[])[];
}

/** A graph whose partitions are partly in memory. */
export interface PartlyOpen {
  readonly view: GraphView;
  /** True if every partition is open. */
  readonly whole: boolean;
  /** All partitions that exist. */
  partitionIds(): readonly PartitionId[];
}

export class ViolationScan {
  readonly constraint: Constraint;
  /** The element of each key that was met first; null once another one was. */
  readonly #first = new Map<string, string | null>();
  readonly #sharing = new Map<string, string[]>();
  readonly #alone: string[] = [];
  #elements = 0;
  readonly #part: (key: string) => boolean;

  /** @param part which keys it looks at: keys of a large graph are looked through in several parts, to hold few at a time */
  constructor(constraint: Constraint, part: (key: string) => boolean = () => true) {
    this.constraint = constraint;
    this.#part = part;
  }

  /** An element that has the label or type. Once each. */
  meet(id: string, shown: Shown): void {
    const { constraint } = this;
    if (constraint.fault(shown.properties) !== undefined) {
      if (!this.#part(id)) return;
      this.#elements++;
      if (this.#alone.length < LIMITS.violationGroupsMax) this.#alone.push(id);
      return;
    }
    const key = constraint.keyOf(shown);
    if (key === undefined || !this.#part(key)) return;
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, id);
    else if (first !== null) this.#share(key, first, id);
    else {
      this.#elements++;
      const group = this.#sharing.get(key);
      if (group !== undefined && group.length < LIMITS.violationGroupsMax) group.push(id);
    }
  }

  #share(key: string, first: string, id: string): void {
    this.#first.set(key, null);
    this.#elements += 2;
    if (this.#sharing.size < LIMITS.violationGroupsMax) this.#sharing.set(key, [first, id]);
  }

  /** All elements of an open partition that it is about. */
  meetPartition(view: GraphView, partition: PartitionIndex): void {
    for (const _ of this.partitionSlices(view, partition)) {
      // In one step.
    }
  }

  /** The same in slices, of a partition that stays open. */
  *partitionSlices(view: GraphView, partition: PartitionIndex): Generator<undefined, void, void> {
    const { on, label } = this.constraint.entry;
    const { nodes, edges } = view;
    const type = on === 'node' ? undefined : edges.findType(label);
    if (on !== 'node' && type === undefined) return;
    const list = on === 'node' ? partition.labelled(label) : partition.edges;
    const seen = on === 'node' && partition.mayRepeat(label) ? new Set<number>() : undefined;
    for (let i = 0; i < (list?.length ?? 0); i++) {
      if (i % LIMITS.integritySliceRows === LIMITS.integritySliceRows - 1) yield undefined;
      const at = list?.at(i) as number;
      if (on !== 'node') {
        if (!edges.has(at, EDGE_EXISTS) || edges.type[at] !== type) continue;
        this.meet(edges.idAt(at), { labels: [label], properties: edges.properties[at] as Shown['properties'] });
        continue;
      }
      const labels = nodes.labels[at] as readonly string[];
      if (seen?.has(at) || !nodes.exists(at) || !labels.includes(label)) continue;
      seen?.add(at);
      this.meet(nodes.ids[at] as string, { labels, properties: nodes.properties[at] as Shown['properties'] });
    }
  }

  /** Those that shared a key, each when it was met: they need not have at one moment. */
  sharing(): readonly (readonly [key: string, ids: readonly string[]])[] {
    return Array.from(this.#sharing);
  }

  /** Of those that shared a key, these still do. */
  keep(key: string, ids: readonly string[]): void {
    const before = this.#sharing.get(key)?.length ?? 0;
    const kept = ids.length > 1 ? ids.length : 0;
    this.#elements -= before - kept;
    if (kept > 0) this.#sharing.set(key, Array.from(ids));
    else this.#sharing.delete(key);
  }

  result(): ConstraintViolations {
    const groups = [
      ...this.#alone.map((id) => [id]),
      ...Array.from(this.#sharing.values(), (ids) => ids.sort(compareText)),
    ];
    groups.sort(([a = ''], [b = '']) => compareText(a, b));
    return {
      constraint: this.constraint.entry.name,
      elements: this.#elements,
      groups: groups.slice(0, LIMITS.violationGroupsMax),
    };
  }
}

/** Partitions that exist and are not in memory. */
export function closedPartitions(graph: PartlyOpen): PartitionId[] {
  return graph.whole ? [] : graph.partitionIds().filter((id) => !graph.view.isOpen(id));
}

/** Of a graph that is in memory as a whole. @throws Unhydrated */
export function violationsOf(graph: PartlyOpen, entry: SchemaEntry): ConstraintViolations {
  const closed = closedPartitions(graph);
  if (closed.length > 0) throw new Unhydrated(closed);
  const scan = new ViolationScan(new Constraint(entry));
  for (const partition of graph.view.openPartitions()) scan.meetPartition(graph.view, partition);
  return scan.result();
}

/** Ids that the refusal of a declaration names. */
const IDS_NAMED = 20;

/**
 * A claim that the data does not keep is not taken.
 * @throws WeftError `constraint-violated` with the ids of what breaks it, definite; Unhydrated
 */
export function checkDeclaration(graph: PartlyOpen, entry: SchemaEntry): void {
  const { elements, groups } = violationsOf(graph, entry);
  if (elements === 0) return;
  const ids = groups.flat().slice(0, IDS_NAMED);
  const named = ids.map((id) => `\`${id}\``).join(', ') + (elements > ids.length ? ' and more' : '');
  const message = `\`${entry.name}\` cannot be declared: ${elements} elements break it, ${named}`;
  throw new WeftError('constraint-violated', message, { constraint: entry.name, ids, elements });
}

/** Looks through elements, in any order, for those that break a constraint. */
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
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
  /** The element of each key that was met first. */
  readonly #first = new Map<string, string>();
  readonly #sharing = new Map<string, string[]>();
  readonly #alone: string[] = [];

  constructor(constraint: Constraint) {
    this.constraint = constraint;
  }

  /** An element that has the label or type. Once each. */
  meet(id: string, shown: Shown): void {
    const { constraint } = this;
    if (constraint.fault(shown.properties) !== undefined) {
      this.#alone.push(id);
      return;
    }
    const key = constraint.keyOf(shown);
    if (key === undefined) return;
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, id);
    else if (!this.#sharing.has(key)) this.#sharing.set(key, [first, id]);
    else this.#sharing.get(key)?.push(id);
  }

  /** All elements of an open partition that it is about. */
  meetPartition(view: GraphView, partition: PartitionIndex): void {
    const { on, label } = this.constraint.entry;
    const { nodes, edges } = view;
    if (on === 'node') {
      for (const node of new Set(partition.withLabel(label))) {
        const id = nodes.ids[node] as string;
        const labels = nodes.labels[node] as readonly string[];
        if (!nodes.exists(node) || !labels.includes(label)) continue;
        this.meet(id, { labels, properties: nodes.properties[node] as Shown['properties'] });
      }
      return;
    }
    const type = edges.findType(label);
    if (type === undefined) return;
    for (const edge of new Set(partition.edges.items())) {
      const id = edges.idAt(edge);
      if (!edges.has(edge, EDGE_EXISTS) || edges.type[edge] !== type) continue;
      this.meet(id, { labels: [label], properties: edges.properties[edge] as Shown['properties'] });
    }
  }

  result(): ConstraintViolations {
    const groups = [
      ...this.#alone.map((id) => [id]),
      ...Array.from(this.#sharing.values(), (ids) => ids.sort(compareText)),
    ];
    groups.sort(([a = ''], [b = '']) => compareText(a, b));
    return {
      constraint: this.constraint.entry.name,
      elements: groups.reduce((sum, ids) => sum + ids.length, 0),
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

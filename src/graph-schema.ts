/**
 * Declared indexes and constraints of a graph. Each is a node of `_system` with the label `Schema`, so declarations are
 * durable and replicate like any other data; two servers that declare the same apart mean the same node.
 */
import { WeftError } from '../base/errors.ts';
import { nodeId, type PartitionId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import type { Node } from '../graph/model.ts';
import type { SchemaEntry } from '../graph/query-graph.ts';
import { isList } from '../graph/value.ts';
import type { Graph } from './engine-port.ts';
import type { ResidentGraph } from './resident-graph.ts';

export const SCHEMA_LABEL = 'Schema';

const KINDS: readonly string[] = ['index', 'unique', 'exists', 'key'] satisfies SchemaEntry['kind'][];
const SYSTEM_PARTITION = '0' as PartitionId;

/** As much of the catalog's graph as this needs. */
export type SystemGraph = Pick<Graph, 'nodes' | 'write'> & { readonly resident: ResidentGraph };

export class GraphSchema {
  readonly #graph: ResidentGraph;
  /** Asked for late: the catalog makes graphs before it has its own. */
  readonly #system: () => SystemGraph;
  #entries: readonly SchemaEntry[] = [];
  /** Counts changes of the partition that the entries were read at. */
  #revision = -1;

  constructor(graph: ResidentGraph, system: () => SystemGraph) {
    this.#graph = graph;
    this.#system = system;
  }

  /** Reads what is declared if that may have changed. Before each statement. */
  refresh(): Promise<void> | undefined {
    const { view } = this.#system().resident;
    if (view.isOpen(SYSTEM_PARTITION) && view.need(SYSTEM_PARTITION).revision === this.#revision) return undefined;
    return this.#read();
  }

  async #read(): Promise<void> {
    const { view } = this.#system().resident;
    const nodes: Node[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#system().nodes(
        { label: SCHEMA_LABEL, properties: [['graph', this.#graph.key]] },
        { limit: 1000, ...(cursor === undefined ? {} : { cursor }) },
      );
      nodes.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    this.#entries = nodes
      .map(entryOf)
      .filter((entry) => entry !== undefined)
      .sort((a, b) => compareText(a.name, b.name));
    this.#revision = view.isOpen(SYSTEM_PARTITION) ? view.need(SYSTEM_PARTITION).revision : -1;
  }

  /** As of the last `refresh`, by name. */
  entries(): readonly SchemaEntry[] {
    return this.#entries;
  }

  /** @throws WeftError `schema-conflict`, definite */
  async declare(entry: SchemaEntry): Promise<void> {
    await this.refresh();
    const same = this.#entries.find((held) => held.name === entry.name);
    if (same !== undefined) {
      throw new WeftError('schema-conflict', `\`${entry.name}\` is declared already`, { name: entry.name });
    }
    const { kind, name, on, label, properties } = entry;
    await this.#system().write([
      {
        op: 'putNode',
        id: this.#idOf(name),
        labels: [SCHEMA_LABEL],
        properties: { graph: this.#graph.key, kind, name, on, label, properties },
      },
    ]);
    await this.refresh();
  }

  /** False if there is none of the name. */
  async drop(name: string): Promise<boolean> {
    await this.refresh();
    if (!this.#entries.some((entry) => entry.name === name)) return false;
    await this.#system().write([{ op: 'deleteNode', id: this.#idOf(name), detach: true }]);
    await this.refresh();
    return true;
  }

  #idOf(name: string) {
    return nodeId(`schema:${this.#graph.key}:${name}`);
  }
}

function entryOf({ properties }: Node): SchemaEntry | undefined {
  const { kind, name, on, label, properties: names } = properties;
  if (typeof kind !== 'string' || !KINDS.includes(kind) || typeof name !== 'string') return undefined;
  if ((on !== 'node' && on !== 'edge') || typeof label !== 'string') return undefined;
  if (names === undefined || !isList(names)) return undefined;
  const texts = names.filter((each) => typeof each === 'string');
  return { kind: kind as SchemaEntry['kind'], name, on, label, properties: texts };
}

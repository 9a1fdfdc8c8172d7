/** Strong reads that several workloads make. */
import type { NodeId } from '../../base/ids.ts';
import type { Node } from '../../graph/model.ts';
import type { Versioned } from '../../src/engine-port.ts';
import type { Client } from '../client.ts';

/** One call each, since each has a deadline of its own; undefined if one of them found out nothing. */
export async function readEach(
  client: Client,
  ids: readonly NodeId[],
): Promise<readonly Versioned<Node>[] | undefined> {
  const found: Versioned<Node>[] = [];
  for (const id of ids) {
    const { value } = await client.strong(`strongly reads ${id}`, (graph) => graph.node(id));
    if (value === undefined) return undefined;
    found.push(value);
  }
  return found;
}

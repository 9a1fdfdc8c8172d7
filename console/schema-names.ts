/** The names that a graph uses, for completion. */
import type { GraphClient } from '../client/graph-client.ts';
import type { SchemaNames } from './cypher-language.ts';

export async function readSchemaNames(graph: GraphClient): Promise<SchemaNames> {
  const column = async (procedure: string, name: string): Promise<readonly string[]> => {
    const statement = `CALL ${procedure}() YIELD ${name} RETURN ${name} AS name ORDER BY name LIMIT 1000`;
    const { rows } = await graph.query(statement, {}, { readOnly: true });
    return rows.map((row) => String(row.name));
  };
  const labels = await column('db.labels', 'label');
  const types = await column('db.relationshipTypes', 'relationshipType');
  const properties = await column('db.propertyKeys', 'propertyKey');
  return { labels, types, properties };
}

/** What to use instead of procedures and functions of other servers that are not here. */

const LIBRARIES: readonly (readonly [prefix: string, hint: string])[] = [
  ['apoc.', 'the procedures and functions of APOC are not part of this server'],
  ['gds.', 'the graph algorithms of GDS are not part of this server'],
  ['db.index.fulltext.', 'full-text indexes are not offered: use CONTAINS, STARTS WITH or `=~`'],
  ['db.index.vector.', 'vector indexes are not offered'],
];
const ONES: Readonly<Record<string, string | undefined>> = {
  has: 'write `n.name IS NOT NULL`',
  'db.indexes': 'use SHOW INDEXES',
  'db.constraints': 'use SHOW CONSTRAINTS',
  'dbms.procedures': 'use SHOW PROCEDURES',
  'dbms.functions': 'use SHOW FUNCTIONS',
  'db.schema': 'use db.schema.nodeTypeProperties() and db.schema.relTypeProperties()',
  'db.schema.visualization': 'use db.schema.nodeTypeProperties() and db.schema.relTypeProperties()',
};

/** "; what to do", or undefined for a name that is of no other server either. */
export function elsewhere(name: string): string | undefined {
  const lower = name.toLowerCase();
  const hint = ONES[lower] ?? LIBRARIES.find(([prefix]) => lower.startsWith(prefix))?.[1];
  return hint === undefined ? undefined : `; ${hint}`;
}

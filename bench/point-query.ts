/** The point query of the benchmarks over the network: a look-up by an indexed property, with requests and answers of one size. */
import type { ServerProcess } from './server-process.ts';

export const PEOPLE = 10_000;
export const POINT_QUERY = 'MATCH (p:Person {key: $key}) RETURN p.name AS name';
const GRAPH = '/v1/graphs/default';

/** A key of a person, from 0 to `PEOPLE` - 1. */
export function keyOf(person: number): string {
  return `person-${String(person).padStart(6, '0')}`;
}

/** Fills the graph that `POINT_QUERY` reads. */
export async function fillPeople({ port }: ServerProcess): Promise<void> {
  const statements = [
    'CREATE INDEX FOR (p:Person) ON (p.key)',
    `UNWIND range(0, ${PEOPLE - 1}) AS i
     WITH right('00000' + toString(i), 6) AS n
     CREATE (:Person {key: 'person-' + n, name: 'Person number ' + n})`,
  ];
  for (const statement of statements) {
    const answer = await fetch(`http://127.0.0.1:${port}${GRAPH}/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ statement }),
    });
    if (!answer.ok) throw new Error(`the graph could not be filled: ${await answer.text()}`);
  }
}

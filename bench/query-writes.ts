/** Single writes through Cypher against the same creates through the engine, each waited for before the next one. */
import { openOnMemory } from './engine-under-test.ts';
import { cpuRates, measured, median, ratioOf, takeTurns } from './measure.ts';
import { WRITE } from './people-engine.ts';
import { personName } from './people-graph.ts';
import type { Benchmark } from './report.ts';

const CREATE = 'CREATE (:Person {uid: $uid, name: $name, age: $age})';
const MERGE = 'MERGE (p:Person {uid: $uid}) ON CREATE SET p.name = $name, p.age = $age';

export const queryWrites: Benchmark = {
  name: 'query-writes',
  title: 'single creates, three properties, one caller, memory store; MERGE by an indexed property that nobody has',
  peers: 'the same create as an operation of the engine',
  async run(run) {
    const { graph } = await openOnMemory();
    const index = 'CREATE INDEX person_uid FOR (p:Person) ON (p.uid)';
    await graph.queryRows({ text: index, parameters: {} }, WRITE);
    const count = run.quick ? 1000 : 5000;
    let uid = 0;
    const next = () => ({ uid: ++uid, name: personName(uid), age: uid % 100 });
    const times = (write: () => Promise<unknown>) => () =>
      measured(count, async () => {
        for (let i = 0; i < count; i++) await write();
      });
    const through = (text: string) => times(async () => graph.queryRows({ text, parameters: next() }, WRITE));
    const rounds = await takeTurns(
      {
        engine: times(() => graph.write([{ op: 'createNode', labels: ['Person'], properties: next() }])),
        CREATE: through(CREATE),
        MERGE: through(MERGE),
      },
      { rounds: run.quick ? 3 : 7, warmups: 3 },
    );
    const { rows } = await graph.queryRows(
      { text: 'MATCH (p:Person) RETURN count(p), count(DISTINCT p.uid)', parameters: {} },
      WRITE,
    );
    if (rows[0]?.some((found) => found !== uid)) throw new Error(`${rows[0]} were made, not ${uid}`);
    for (const [way, atLeast] of [
      ['CREATE', 0.6],
      ['MERGE', 0.4],
    ] as const) {
      run.figure({
        what: `nodes made by ${way}`,
        ours: median(cpuRates(rounds[way])),
        unit: '/cpu-s',
        reference: { what: 'engine', value: median(cpuRates(rounds.engine)) },
        ratio: ratioOf(cpuRates(rounds[way]), cpuRates(rounds.engine)),
        target: { atLeast },
      });
    }
  },
};

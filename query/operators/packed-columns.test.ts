import { expect, it } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Operation } from '../../graph/model.ts';
import { float, type Value } from '../../graph/value.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { QueryError } from '../query-error.ts';
import { runStatement } from '../run-statement.model.ts';

/** More than a full batch. */
const NODES = 1500;
const TEXTS = ['', 'a', 'b', 'c', 'constructor'];

/**
 * Properties: `i` small integers, `n` also negative ones, `u` all different, `f` floats, `big` integers beyond 32 bits,
 * `huge` close to 64 bits, `t` texts; of half of the nodes `half` an integer; `mix` of all kinds; `price` Integers and
 * Floats; `late` and `later` an integer and a text of the first nodes, then also other things.
 */
function properties(random: SeededRandom, at: number): Record<string, Value> {
  const any: Value[] = [random.below(3), float(random.below(3)), random.pick(TEXTS), true, 2n ** 62n];
  return {
    i: random.below(10),
    n: random.below(10) - 5,
    u: at,
    f: float(random.below(40) / 3 - 3),
    big: 2 ** 40 + random.below(3),
    huge: Number.MAX_SAFE_INTEGER - random.below(3),
    t: random.pick(TEXTS),
    ...(random.below(2) === 0 && { half: random.below(10) }),
    mix: random.pick(any),
    price: random.pick([3, float(3), 2.5, 4]),
    late: at < 400 || random.below(9) > 0 ? random.below(5) : random.pick([true, 'a']),
    later: at < 400 || random.below(9) > 0 ? random.pick(TEXTS) : random.pick([true, 7]),
  };
}

async function graph(packed: number | undefined, nodes = NODES): Promise<MemoryGraph> {
  const random = new SeededRandom(7);
  const made = new MemoryGraph({ packed });
  const created = Array.from(
    { length: nodes },
    (_, i): Operation => ({
      op: 'createNode',
      id: `n${i}` as NodeId,
      labels: [random.below(4) === 0 ? 'B' : 'A'],
      properties: properties(random, i),
    }),
  );
  await made.commit(created);
  return made;
}

const PARAMETERS = {
  three: 3,
  half: float(0.5),
  nan: float(Number.NaN),
  infinite: float(Number.POSITIVE_INFINITY),
  text: 'a',
  nothing: null,
  list: [1],
};

async function answers(text: string, on: MemoryGraph): Promise<unknown> {
  try {
    return (await runStatement(text, on, { parameters: PARAMETERS })).rows;
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

const OPERATORS = ['<', '<=', '>', '>=', '=', '<>'];
const NAMES = ['i', 'n', 'f', 'big', 'huge', 't', 'half', 'mix', 'late', 'later', 'price', 'none'];
const BOUNDS = [
  '0',
  '3',
  '-2.5',
  '0.0',
  '-0.0',
  '1e400',
  '$three',
  '$half',
  '$nan',
  '$infinite',
  '$text',
  '$nothing',
  '$list',
  '1099511627777',
];
const CONDITIONS = [
  ...NAMES.flatMap((name) => OPERATORS.map((operator) => `n.${name} ${operator} 3`)),
  ...BOUNDS.flatMap((bound) =>
    OPERATORS.flatMap((operator) => [`n.n ${operator} ${bound}`, `${bound} ${operator} n.f`]),
  ),
  'n.i > 2 AND n.n < 3',
  'n.i > 2 AND n.half < 3 AND n.f >= 0',
  '2 < n.i <= 7',
  '7 >= n.i > n.n',
  'n.i > 2 AND n.t = "a"',
  'n.t = "" AND n.n < 2',
  ...['""', '"a"', '"constructor"', '"nowhere"', '$text', '3'].flatMap((text) =>
    ['t', 'mix', 'later', 'i'].flatMap((name) => [`n.${name} = ${text}`, `${text} = n.${name}`, `n.${name} < ${text}`]),
  ),
  'n.i > 2 OR n.n < 3',
  'n.i > n.n',
];
const AGGREGATES = ['count', 'sum', 'avg', 'min', 'max', 'collect', 'stDev'];
const KEYS = ['i', 'n', 'u', 'f', 'big', 'huge', 't', 'half', 'mix', 'late', 'later', 'price', 'none'];
const STATEMENTS = [
  ...CONDITIONS.flatMap((condition) => [
    `MATCH (n:A) WHERE ${condition} RETURN count(*)`,
    `MATCH (n:A) WHERE ${condition} RETURN n.u`,
  ]),
  ...AGGREGATES.flatMap((name) =>
    NAMES.flatMap((of) => [
      `MATCH (n:A) RETURN ${name}(n.${of})`,
      `MATCH (n:A) WHERE n.u < 8 RETURN ${name}(n.${of})`,
      `MATCH (n:A) WHERE n.u < 9 RETURN ${name}(n.${of})`,
      `MATCH (n:A) WHERE n.n >= 0 RETURN n.t, ${name}(n.${of}), count(*)`,
    ]),
  ),
  ...KEYS.flatMap((key) => [
    `MATCH (n) RETURN n.${key} AS key, count(*) AS rows`,
    `MATCH (n:A) RETURN n.${key} AS key, sum(n.i) AS sum, count(DISTINCT n.n) AS different`,
    `MATCH (n) WITH n.${key} AS key, max(n.u) AS last ORDER BY last DESC LIMIT 7 RETURN key, last`,
  ]),
  'MATCH (n:A) RETURN n.i, n.t, count(*), sum(n.n)',
  'MATCH (n:A) WHERE n.i = 3 OPTIONAL MATCH (n)-->(m) WHERE m.i > 2 RETURN count(m), sum(m.i), avg(m.f)',
  'MATCH (n:A) OPTIONAL MATCH (n)-->(m) WITH n, m WHERE m.i < 5 RETURN count(*)',
  'MATCH (n:A) OPTIONAL MATCH (n)-->(m) RETURN m.i, m.t, sum(m.n), count(*)',
  'MATCH (n:A) OPTIONAL MATCH (n)-->(m) RETURN m.i, count(*)',
  'MATCH (n:A) WHERE n.i > $absent RETURN count(*)',
  'MATCH (n:A) WHERE n.i > 3 SET n.i = 0 WITH n WHERE n.i > 3 RETURN count(*)',
  'MATCH (n:A) SET n.i = n.i + 1 RETURN n.i, sum(n.i)',
];

it.each([
  ['everything known', 0],
  ['of every third node nothing known', 3],
  ['of one node nothing known', NODES],
])(
  'packed columns, %s: conditions, groups and aggregates -> the same rows as one value at a time',
  async (_, packed) => {
    const [one, other] = [await graph(undefined), await graph(packed)];
    for (const text of STATEMENTS) {
      const isFresh = text.includes(' SET ');
      const plain = await answers(text, isFresh ? await graph(undefined) : one);
      expect
        .soft({ text, rows: await answers(text, isFresh ? await graph(packed) : other) })
        .toEqual({ text, rows: plain });
    }
  },
);

it('packed integers: their sum beyond 2^53 -> exact', async () => {
  const sum = async (packed: number | undefined) => answers('MATCH (n) RETURN sum(n.huge)', await graph(packed, 1000));
  const random = new SeededRandom(7);
  let expected = 0n;
  for (let i = 0; i < 1000; i++) {
    random.below(4);
    expected += BigInt(properties(random, i).huge as number);
  }
  expect(await sum(0)).toEqual([[expected]]);
});

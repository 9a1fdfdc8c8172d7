/** What functions, and the operators that are read as functions, answer where the conformance cases ask little. */
import { describe, expect, it } from 'vitest';
import { Temporal } from '../../graph/value.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { QueryError } from '../query-error.ts';
import { runStatement } from '../run-statement.model.ts';
import { fromStoredTemporal } from '../temporal/stored-temporal.ts';

const CASES: [text: string, row: unknown[]][] = [
  // Characters are code points
  ["RETURN size('🚲🚲'), char_length('a🚲'), length('🚲'), size('é')", [2, 2, 1, 1]],
  ["RETURN left('🚲bc', 1), right('ab🚲', 1), right('🚲', 5), left('x🚲y', 2)", ['🚲', '🚲', '🚲', 'x🚲']],
  ["RETURN substring('a🚲bc', 2), substring('a🚲bc', 1, 2), substring('abc', 1, 9)", ['bc', '🚲b', 'bc']],
  ["RETURN replace('🚲a', '', '-'), replace('', '', '-'), replace('aba', 'a', '')", ['-🚲-a-', '-', 'b']],
  // Integers beyond what a double holds
  ['RETURN range(9223372036854775806, 9223372036854775807)', [[2n ** 63n - 2n, 2n ** 63n - 1n]]],
  ['RETURN range(9007199254740991, 9007199254740993)', [[2 ** 53 - 1, 2n ** 53n, 2n ** 53n + 1n]]],
  [
    'RETURN range(-9223372036854775808, 9223372036854775807, 9223372036854775807), range(9223372036854775807, 0)',
    [[-(2n ** 63n), -1, 2n ** 63n - 2n], []],
  ],
  [
    "RETURN toInteger('1e19'), toInteger('-1e18'), toInteger('Infinity'), toInteger(-9223372036854775808.0)",
    [null, -(10n ** 18n), null, -(2n ** 63n)],
  ],
  [
    "RETURN round(0.49999999999999994, 0, 'HALF_UP') = 0, round(4503599627370497.0, 0, 'HALF_DOWN') = 4503599627370497.0, round(9007199254740991.0, 0, 'HALF_UP') = 9007199254740991.0",
    [true, true, true],
  ],
  [
    "RETURN [mode IN ['HALF_UP', 'HALF_DOWN'] | [x IN [2.5, -2.5, 2.4, -2.6, 0.0] | toInteger(round(x, 0, mode))]]",
    [
      [
        [3, -3, 2, -3, 0],
        [2, -2, 2, -3, 0],
      ],
    ],
  ],
  // Forms of Unicode
  [
    "RETURN normalize('e\\u0301') = '\\u00e9', normalize('ﬁ', NFKC), size(normalize('\\u00e9', nfd)), normalize(null, NFC)",
    [true, 'fi', 2, null],
  ],
  [
    "RETURN 'e\\u0301' IS NORMALIZED, 'e\\u0301' IS NOT NORMALIZED, '\\u00e9' IS NFD NORMALIZED, 'x' IS NOT NFKD NORMALIZED",
    [false, true, false, false],
  ],
  ['RETURN 7 IS NORMALIZED, null IS NOT NORMALIZED, [1] IS NFC NORMALIZED', [null, null, null]],
  [
    "RETURN [x IN ['a', 'e\\u0301'] WHERE x IS NOT NORMALIZED | size(x)], CASE 'a' WHEN IS NORMALIZED THEN 1 END",
    [[2], 1],
  ],
  ["WITH 'NFD' AS form RETURN size(normalize('\\u00e9', form))", [2]],
  ['CREATE (n:NFC:Other) WITH n WHERE n IS NFC RETURN n IS Other', [true]],
  // trim
  [
    "RETURN trim(BOTH '-' FROM '--a--'), trim(LEADING '-' FROM '--a--'), trim(trailing '-' FROM '--a--'), trim('-' FROM '-a-')",
    ['a', 'a--', '--a', 'a'],
  ],
  [
    "RETURN trim(LEADING FROM ' a '), trim(BOTH FROM ' a '), trim(null FROM 'a'), trim(BOTH 'x' FROM null)",
    ['a ', 'a', null, null],
  ],
  ["WITH ' a ' AS both, '-' AS leading RETURN trim(both), trim(LEADING leading FROM '-b')", ['a', 'b']],
  // ALL in an aggregate
  ['UNWIND [1, 1, 2] AS x RETURN count(ALL x), sum(ALL x + 1), count(all(y IN [x] WHERE y > 1))', [3, 7, 3]],
  // Numbers and types
  ['RETURN 0x_1F, 0o_17, 0xF_F', [31, 15, 255]],
  [
    "RETURN ['a'] IS :: STRING LIST, [1, null] IS :: INTEGER NOT NULL ARRAY, [[1]] IS :: INTEGER LIST LIST",
    [true, false, true],
  ],
  // Times
  [
    `UNWIND ['+01:00', '+02:00'] AS offset WITH datetime('2020-10-25T02:30:40' + offset + '[Europe/Berlin]') AS t
     WITH collect([unit IN ['day', 'hour', 'minute'] | toString(datetime.truncate(unit, t))]) AS l RETURN l[0], l[1]`,
    ['+01:00', '+02:00'].map((offset) =>
      [`00:00+02:00`, `02:00${offset}`, `02:30${offset}`].map((time) => `2020-10-25T${time}[Europe/Berlin]`),
    ),
  ],
  [
    "RETURN date('2021-05-04').quarterDay, toString(localtime('T07:30')), toString(time('T0730+02'))",
    [34, '07:30', '07:30+02:00'],
  ],
  ["RETURN datetime({year: 2021, timezone: 'America/New York'}).timezone", ['America/New_York']],
  [
    "RETURN toString(datetime('2021-10-31T02:30+01:00[Europe/Berlin]')), toString(datetime('2021-10-31T02:30+02:00[Europe/Berlin]'))",
    ['2021-10-31T02:30+01:00[Europe/Berlin]', '2021-10-31T02:30+02:00[Europe/Berlin]'],
  ],
  // One instant: from west to east
  [
    "WITH datetime('2021-05-04T08:00-03:00') AS w, datetime('2021-05-04T13:00+02:00') AS e RETURN w < e, w <= e, e <= w, w = e",
    [true, true, false, false],
  ],
  [
    "UNWIND [datetime('+10000-01-01T02:00+02:00'), datetime('9999-12-31T23:00-01:00')] AS t WITH t ORDER BY t RETURN collect(t.offset)",
    [['-01:00', '+02:00']],
  ],
  // Points
  [
    "UNWIND ['a', date('2021-05-04'), point({x: 1, y: 2}), [1]] AS v WITH v ORDER BY v RETURN collect(valueType(v))[1]",
    ['POINT NOT NULL'],
  ],
  [
    'RETURN toInteger(round(point.distance(point({longitude: 0, latitude: 0}), point({longitude: 180, latitude: 0})) / pi()))',
    [6378140],
  ],
];

const REFUSED: [text: string, message: RegExp][] = [
  ["RETURN trim(BOTH 'x')", /expected FROM/],
  ["RETURN 'a' IS NOT NFC", /expected NULL or `:: TYPE`/],
  ['RETURN date({year: 2021, day: 4})', /`month` must be given with `day`/],
  ['RETURN date({year: 2021, dayOfQuarter: 4})', /`quarter` must be given with `dayOfQuarter`/],
  ['RETURN localtime({hour: 7, second: 4})', /`minute` must be given with `second`/],
  ['RETURN datetime({year: 2021, month: 5, day: 4, hour: 7, minute: 3, millisecond: 2})', /`second` must be given/],
  ['RETURN duration({})', /at least one component/],
  ["RETURN datetime('2021-05-04T07:30+05:00[Europe/Berlin]')", /Europe\/Berlin is not at \+05:00/],
  ["RETURN localdatetime('2021-05-04TT07:30')", /is no local date and time/],
  // Texts of stored values have years of nine digits
  ['RETURN datetime.fromepoch(9223372036854775807, 0)', /the year lies beyond/],
  ['RETURN datetime.fromepochmillis(9223372036854775807) + duration({years: 900000000})', /the year lies beyond/],
  ["RETURN datetime({datetime: datetime('+999999999-12-31T23:00Z'), timezone: '+02:00'})", /the year lies beyond/],
  ["RETURN date.truncate('millennium', date('-999999999-01-01'))", /the year lies beyond/],
  ['RETURN date({year: 999999999, week: 52, dayOfWeek: 7})', /the year lies beyond/],
  ["RETURN datetime.truncate('hour', date('2021-05-04'))", /a date has no time/],
];

describe('functions', () => {
  for (const [text, row] of CASES) {
    it(`${text} -> as defined`, async () => {
      const { rows } = await runStatement(text, new MemoryGraph());
      expect(rows).toEqual([row]);
    });
  }

  for (const [text, message] of REFUSED) {
    it(`${text} -> refused`, async () => {
      const refused = await runStatement(text, new MemoryGraph()).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(QueryError);
      expect((refused as QueryError).message).toMatch(message);
    });
  }

  it('a stored time whose zone has other rules by now -> is read all the same', () => {
    const stored = new Temporal('DateTime', '2021-05-04T07:30+05:00[Europe/Berlin]');
    expect(fromStoredTemporal(stored).toString()).toBe('2021-05-04T07:30+02:00[Europe/Berlin]');
  });
});

/** `date()`, `datetime.truncate()`, `duration.between()` and their siblings. */
import { runtimeError } from '../query-error.ts';
import {
  buildDate,
  buildDateTime,
  buildLocalDateTime,
  buildLocalTime,
  buildTime,
  type Components,
  fromEpoch,
  toDate,
  toDateTime,
  toLocalDateTime,
  toLocalTime,
  toTime,
} from '../temporal/build-temporal.ts';
import { UTC } from '../temporal/date-time.ts';
import {
  DURATION_PARTS,
  type DurationParts,
  durationBetween,
  durationFromParts,
  durationInDays,
  durationInMonths,
  durationInSeconds,
} from '../temporal/duration.ts';
import {
  parseDate,
  parseDuration,
  parseLocalDateTime,
  parseLocalTime,
  parseTime,
  parseWrittenDateTime,
  parseZone,
} from '../temporal/parse-temporal.ts';
import { DurationValue, isInstant, type TemporalInstant } from '../temporal/temporal-value.ts';
import {
  truncateDate,
  truncateDateTime,
  truncateLocalDateTime,
  truncateLocalTime,
  truncateTime,
} from '../temporal/truncate.ts';
import { isNumeric, toDouble } from '../values/arithmetic.ts';
import { isMap, type RuntimeMap, type RuntimeValue } from '../values/runtime-value.ts';
import {
  badArgument,
  countArgument,
  type FunctionContext,
  type ScalarFunction,
  scalar,
  stringArgument,
} from './function.ts';

interface Family {
  readonly name: string;
  readonly parse: (text: string) => TemporalInstant;
  readonly build: (components: Components) => TemporalInstant;
  readonly convert: (value: TemporalInstant) => TemporalInstant;
  readonly truncate: (unit: string, value: TemporalInstant, components: Components) => TemporalInstant;
}

const FAMILIES: readonly Family[] = [
  { name: 'date', parse: parseDate, build: buildDate, convert: toDate, truncate: truncateDate },
  {
    name: 'localtime',
    parse: parseLocalTime,
    build: buildLocalTime,
    convert: toLocalTime,
    truncate: truncateLocalTime,
  },
  { name: 'time', parse: parseTime, build: buildTime, convert: (value) => toTime(value), truncate: truncateTime },
  {
    name: 'localdatetime',
    parse: parseLocalDateTime,
    build: buildLocalDateTime,
    convert: toLocalDateTime,
    truncate: truncateLocalDateTime,
  },
  {
    name: 'datetime',
    parse: parseWrittenDateTime,
    build: buildDateTime,
    convert: toDateTime,
    truncate: truncateDateTime,
  },
];

/** Components without the null ones, which count as not given; `undefined` if all that are given are null. */
function componentsOf(map: RuntimeMap): Components | undefined {
  const components = new Map<string, unknown>();
  for (const [name, value] of Object.entries(map)) if (value !== null) components.set(name, value);
  return components.size === 0 && Object.keys(map).length > 0 ? undefined : components;
}

function instantAt({ convert }: Family, epochMs: number, zone: RuntimeValue | undefined): TemporalInstant {
  const at = zone === undefined ? UTC : parseZone(stringArgument('timezone', zone));
  const seconds = Math.floor(epochMs / 1000);
  const nanos = Math.round((epochMs - seconds * 1000) * 1_000_000);
  return convert(fromEpoch(seconds, nanos, at));
}

function make(family: Family, context: FunctionContext, value: RuntimeValue | undefined): RuntimeValue {
  if (value === undefined) return instantAt(family, context.statementMs, undefined);
  if (typeof value === 'string') return family.parse(value);
  if (isInstant(value)) return family.convert(value);
  if (!isMap(value)) throw badArgument(family.name, value, 'a String, a Map or a temporal value');
  const components = componentsOf(value);
  if (components === undefined) return null;
  if (components.size === 1 && components.has('timezone')) {
    return instantAt(family, context.statementMs, value.timezone as RuntimeValue);
  }
  return family.build(components);
}

function functionsOf(family: Family): ScalarFunction[] {
  const { name } = family;
  const now = (suffix: string, clock: (context: FunctionContext) => number) =>
    scalar(`${name}.${suffix}`, [0, 1], (context, zone) => instantAt(family, clock(context), zone), {
      pure: suffix !== 'realtime',
    });
  return [
    scalar(name, [0, 1], (context, value) => make(family, context, value)),
    now('transaction', ({ transactionMs }) => transactionMs),
    now('statement', ({ statementMs }) => statementMs),
    now('realtime', (context) => context.realtimeMs()),
    scalar(`${name}.truncate`, [1, 3], (context, unit, value, map) => {
      const called = `${name}.truncate`;
      const from = value === undefined ? fromEpochMs(context.statementMs) : value;
      if (!isInstant(from)) throw badArgument(called, from, 'a temporal value');
      if (map !== undefined && !isMap(map)) throw badArgument(called, map, 'a Map');
      const components = map === undefined ? undefined : componentsOf(map);
      return family.truncate(stringArgument(called, unit), from, components ?? new Map());
    }),
  ];
}

function fromEpochMs(ms: number): TemporalInstant {
  const seconds = Math.floor(ms / 1000);
  return fromEpoch(seconds, Math.round((ms - seconds * 1000) * 1_000_000), UTC);
}

function duration(value: RuntimeValue): RuntimeValue {
  if (typeof value === 'string') return parseDuration(value);
  if (value instanceof DurationValue) return value;
  if (!isMap(value)) throw badArgument('duration', value, 'a String or a Map');
  if (Object.keys(value).length === 0) {
    throw runtimeError('ArgumentError', 'InvalidArgumentValue', 'duration() needs at least one component');
  }
  const parts: Record<string, number> = {};
  for (const [name, part] of Object.entries(value)) {
    if (!(DURATION_PARTS as readonly string[]).includes(name)) {
      throw runtimeError('ArgumentError', 'InvalidArgumentValue', `a duration has no component \`${name}\``);
    }
    if (part === null) continue;
    if (!isNumeric(part)) throw badArgument('duration', part, `a number as \`${name}\``);
    parts[name] = toDouble(part);
  }
  return durationFromParts(parts as DurationParts);
}

function between(name: string, compute: (a: TemporalInstant, b: TemporalInstant) => DurationValue): ScalarFunction {
  return scalar(name, [2, 2], (_, a, b) => {
    if (!isInstant(a)) throw badArgument(name, a, 'temporal values');
    if (!isInstant(b)) throw badArgument(name, b, 'temporal values');
    return compute(a, b);
  });
}

export const TEMPORAL_FUNCTIONS: readonly ScalarFunction[] = [
  ...FAMILIES.flatMap(functionsOf),
  scalar('datetime.fromepoch', [2, 2], (_, seconds, nanos) =>
    fromEpoch(countArgument('datetime.fromepoch', seconds), countArgument('datetime.fromepoch', nanos), UTC),
  ),
  scalar('datetime.fromepochmillis', [1, 1], (_, ms) => fromEpochMs(countArgument('datetime.fromepochmillis', ms))),
  scalar('duration', [1, 1], (_, value) => duration(value)),
  between('duration.between', durationBetween),
  between('duration.inMonths', durationInMonths),
  between('duration.inDays', durationInDays),
  between('duration.inSeconds', durationInSeconds),
];

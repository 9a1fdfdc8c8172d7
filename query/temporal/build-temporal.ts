/**
 * Instants from components, from other instants, and from both: `date({year: 2020, week: 3})`, `datetime(d)`,
 * `datetime({date: d, hour: 12, timezone: 'Europe/Berlin'})`. A component that is left out is that of the instant that
 * it is selected from, else the smallest; but one is not given without the larger ones, up to what it is selected from.
 */
import { runtimeError } from '../query-error.ts';
import {
  checkedDay,
  civilOf,
  dayOfWeek,
  daysInMonth,
  epochDayOf,
  firstDayOfQuarter,
  firstMonday,
  isLeapYear,
  isoWeek,
  NANOS_PER_SECOND,
  quarterOf,
  weeksInYear,
  YEAR_MAX,
} from './calendar.ts';
import { dateTimeAt, inZone, UTC, type ZoneOrOffset } from './date-time.ts';
import { parseZone } from './parse-temporal.ts';
import {
  DateTimeValue,
  DateValue,
  isInstant,
  LocalDateTimeValue,
  LocalTimeValue,
  nanosOf,
  type TemporalInstant,
  TimeValue,
} from './temporal-value.ts';
import { offsetAtLocal } from './zones.ts';

/** Components by name; numbers are integers. The caller has checked that none is null. */
export type Components = ReadonlyMap<string, unknown>;

export const DATE_COMPONENTS = [
  'year',
  'quarter',
  'month',
  'week',
  'dayOfWeek',
  'day',
  'ordinalDay',
  'dayOfQuarter',
] as const;
export const TIME_COMPONENTS = ['hour', 'minute', 'second', 'millisecond', 'microsecond', 'nanosecond'] as const;

function fail(detail: string, message: string): Error {
  return runtimeError('ArgumentError', detail, message);
}

function numberOf(components: Components, name: string): number | undefined {
  const value = components.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw fail('InvalidArgumentValue', `\`${name}\` must be an integer`);
  }
  return value;
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value < min || value > max) {
    throw fail('NumberOutOfRange', `\`${name}\` is ${value}, but lies between ${min} and ${max}`);
  }
  return value;
}

/** The instant under a name, of a kind that has what is selected from it. */
function selected(components: Components, name: string, needs: 'date' | 'time' | 'both'): TemporalInstant | undefined {
  const value = components.get(name);
  if (value === undefined) return undefined;
  const hasDate = !(value instanceof LocalTimeValue || value instanceof TimeValue);
  const hasTime = !(value instanceof DateValue);
  if (!isInstant(value) || (needs !== 'time' && !hasDate) || (needs !== 'date' && !hasTime)) {
    throw fail('InvalidArgumentType', `\`${name}\` is no temporal value that it can be taken from`);
  }
  return value;
}

function epochDayIn(value: TemporalInstant | undefined): number | undefined {
  if (value === undefined || value instanceof LocalTimeValue || value instanceof TimeValue) return undefined;
  return value.epochDay;
}

function needs(components: Components, larger: string, smaller: string): void {
  if (!components.has(smaller) || components.has(larger)) return;
  throw fail('InvalidArgumentValue', `\`${larger}\` must be given with \`${smaller}\``);
}

/** The date that the components say, over the one that they are selected from. */
export function buildDay(components: Components, base: number | undefined): number {
  const year = numberOf(components, 'year');
  if (year === undefined && base === undefined) throw fail('InvalidArgumentValue', '`year` must be given');
  if (year !== undefined) inRange('year', year, -YEAR_MAX, YEAR_MAX);
  if (base === undefined) {
    needs(components, 'month', 'day');
    needs(components, 'week', 'dayOfWeek');
    needs(components, 'quarter', 'dayOfQuarter');
  }
  const week = numberOf(components, 'week');
  const weekDay = numberOf(components, 'dayOfWeek');
  if (week !== undefined || weekDay !== undefined) return checkedDay(buildWeekDay(year, week, weekDay, base));
  const ordinal = numberOf(components, 'ordinalDay');
  const civil = base === undefined ? undefined : civilOf(base);
  const inYear = year ?? (civil?.year as number);
  if (ordinal !== undefined) {
    return epochDayOf(inYear, 1, 1) + inRange('ordinalDay', ordinal, 1, isLeapYear(inYear) ? 366 : 365) - 1;
  }
  const quarter = numberOf(components, 'quarter');
  const quarterDay = numberOf(components, 'dayOfQuarter');
  if (quarterDay !== undefined) {
    const number = inRange('quarter', quarter ?? (civil === undefined ? 1 : quarterOf(civil.month)), 1, 4);
    const start = firstDayOfQuarter(inYear, number);
    const end = number === 4 ? epochDayOf(inYear + 1, 1, 1) : firstDayOfQuarter(inYear, number + 1);
    return start + inRange('dayOfQuarter', quarterDay, 1, end - start) - 1;
  }
  let month = numberOf(components, 'month') ?? civil?.month ?? 1;
  if (quarter !== undefined) month = (inRange('quarter', quarter, 1, 4) - 1) * 3 + ((month - 1) % 3) + 1;
  inRange('month', month, 1, 12);
  const length = daysInMonth(inYear, month);
  const day = numberOf(components, 'day');
  if (day !== undefined) return epochDayOf(inYear, month, inRange('day', day, 1, length));
  return epochDayOf(inYear, month, Math.min(civil?.day ?? 1, length));
}

function buildWeekDay(
  year: number | undefined,
  week: number | undefined,
  weekDay: number | undefined,
  base: number | undefined,
): number {
  const from = base === undefined ? undefined : isoWeek(base);
  const inYear = year ?? (from?.weekYear as number);
  const number = inRange('week', week ?? from?.week ?? 1, 1, weeksInYear(inYear));
  const day = inRange('dayOfWeek', weekDay ?? (base === undefined ? 1 : dayOfWeek(base)), 1, 7);
  return firstMonday(inYear) + (number - 1) * 7 + day - 1;
}

/** Nanoseconds since midnight that the components say, over those that they are selected from. */
export function buildNanos(components: Components, base: number | undefined): number {
  if (base === undefined) {
    needs(components, 'hour', 'minute');
    needs(components, 'minute', 'second');
    for (const part of ['millisecond', 'microsecond', 'nanosecond']) needs(components, 'second', part);
  }
  const seconds = base === undefined ? 0 : Math.floor(base / NANOS_PER_SECOND);
  const hour = inRange('hour', numberOf(components, 'hour') ?? Math.floor(seconds / 3600), 0, 23);
  const minute = inRange('minute', numberOf(components, 'minute') ?? Math.floor(seconds / 60) % 60, 0, 59);
  const second = inRange('second', numberOf(components, 'second') ?? seconds % 60, 0, 59);
  const fraction = buildFraction(components) ?? (base === undefined ? 0 : base % NANOS_PER_SECOND);
  return ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + fraction;
}

/** Milli-, micro- and nanoseconds: each counts within the next larger one that is given. */
function buildFraction(components: Components): number | undefined {
  const milli = numberOf(components, 'millisecond');
  const micro = numberOf(components, 'microsecond');
  const nano = numberOf(components, 'nanosecond');
  if (milli === undefined && micro === undefined && nano === undefined) return undefined;
  let nanos = 0;
  if (milli !== undefined) nanos += inRange('millisecond', milli, 0, 999) * 1_000_000;
  if (micro !== undefined) nanos += inRange('microsecond', micro, 0, milli === undefined ? 999_999 : 999) * 1000;
  if (nano !== undefined) {
    const max = micro !== undefined ? 999 : milli !== undefined ? 999_999 : 999_999_999;
    nanos += inRange('nanosecond', nano, 0, max);
  }
  return nanos;
}

export function zoneIn(components: Components): ZoneOrOffset | undefined {
  const zone = components.get('timezone');
  if (zone === undefined) return undefined;
  if (typeof zone !== 'string') throw fail('InvalidArgumentType', '`timezone` must be a string');
  return parseZone(zone);
}

function checkNames(components: Components, ...allowed: readonly (readonly string[])[]): void {
  for (const name of components.keys()) {
    if (!allowed.some((names) => names.includes(name))) {
      throw fail('InvalidArgumentValue', `there is no component \`${name}\` of such a value`);
    }
  }
}

// --- each kind from components

export function buildDate(components: Components): DateValue {
  checkNames(components, DATE_COMPONENTS, ['date', 'datetime']);
  const from = selected(components, 'date', 'date') ?? selected(components, 'datetime', 'date');
  return new DateValue(buildDay(components, epochDayIn(from)));
}

export function buildLocalTime(components: Components): LocalTimeValue {
  checkNames(components, TIME_COMPONENTS, ['time', 'datetime']);
  const from = selected(components, 'time', 'time') ?? selected(components, 'datetime', 'time');
  needHour(components, from);
  return new LocalTimeValue(buildNanos(components, from === undefined ? undefined : nanosOf(from)));
}

export function buildTime(components: Components): TimeValue {
  checkNames(components, TIME_COMPONENTS, ['time', 'datetime', 'timezone']);
  const from = selected(components, 'time', 'time') ?? selected(components, 'datetime', 'time');
  needHour(components, from);
  const zone = zoneIn(components);
  const base = from === undefined ? undefined : toTime(from, zone);
  const nanos = buildNanos(components, base?.nanos);
  const offset = base?.offset ?? (zone === undefined ? 0 : offsetOfTime(zone, epochDayIn(from) ?? 0, nanos));
  return new TimeValue(nanos, offset);
}

export function buildLocalDateTime(components: Components): LocalDateTimeValue {
  checkNames(components, DATE_COMPONENTS, TIME_COMPONENTS, ['date', 'time', 'datetime']);
  const both = selected(components, 'datetime', 'both');
  const date = both ?? selected(components, 'date', 'date');
  const time = both ?? selected(components, 'time', 'time');
  const day = buildDay(components, epochDayIn(date));
  return new LocalDateTimeValue(day, buildNanos(components, time === undefined ? undefined : nanosOf(time)));
}

export function buildDateTime(components: Components): DateTimeValue {
  if (components.has('epochSeconds') || components.has('epochMillis')) return buildFromEpoch(components);
  checkNames(components, DATE_COMPONENTS, TIME_COMPONENTS, ['date', 'time', 'datetime', 'timezone']);
  const both = selected(components, 'datetime', 'both');
  const date = both ?? selected(components, 'date', 'date');
  const time = both ?? selected(components, 'time', 'time');
  const zone = zoneIn(components);
  const own = time === undefined ? undefined : ownZone(time);
  let baseDay = epochDayIn(date);
  let baseNanos = time === undefined ? undefined : nanosOf(time);
  if (zone !== undefined && own !== undefined && baseNanos !== undefined) {
    // The selected time is an instant: it is moved to the other zone before components replace parts of it.
    const day = baseDay ?? buildDay(components, undefined);
    const moved = inZone(dateTimeAt(day, baseNanos, own), zone);
    if (both !== undefined) baseDay = moved.epochDay;
    baseNanos = moved.nanos;
  }
  const day = buildDay(components, baseDay);
  return dateTimeAt(day, buildNanos(components, baseNanos), zone ?? own ?? UTC);
}

function buildFromEpoch(components: Components): DateTimeValue {
  checkNames(components, ['epochSeconds', 'epochMillis', 'nanosecond', 'timezone']);
  const zone = zoneIn(components) ?? UTC;
  const millis = numberOf(components, 'epochMillis');
  const nanos = inRange('nanosecond', numberOf(components, 'nanosecond') ?? 0, 0, 999_999_999);
  if (millis === undefined) return fromEpoch(numberOf(components, 'epochSeconds') ?? 0, nanos, zone);
  const seconds = Math.floor(millis / 1000);
  return fromEpoch(seconds, (millis - seconds * 1000) * 1_000_000 + (nanos % 1_000_000), zone);
}

export function fromEpoch(seconds: number, nanos: number, zone: ZoneOrOffset): DateTimeValue {
  const carry = Math.floor(nanos / NANOS_PER_SECOND);
  const day = Math.floor((seconds + carry) / 86_400);
  const rest = (seconds + carry - day * 86_400) * NANOS_PER_SECOND + (nanos - carry * NANOS_PER_SECOND);
  return inZone(dateTimeAt(day, rest, UTC), zone);
}

function needHour(components: Components, from: TemporalInstant | undefined): void {
  if (from === undefined && !components.has('hour')) throw fail('InvalidArgumentValue', '`hour` must be given');
}

function ownZone(value: TemporalInstant): ZoneOrOffset | undefined {
  if (value instanceof DateTimeValue) return { offset: value.offset, zone: value.zone };
  if (value instanceof TimeValue) return { offset: value.offset, zone: undefined };
  return undefined;
}

function offsetOfTime(zone: ZoneOrOffset, day: number, nanos: number): number {
  return zone.zone === undefined ? (zone.offset ?? 0) : offsetAtLocal(zone.zone, day, nanos);
}

// --- each kind from another one

export function toDate(value: TemporalInstant): DateValue {
  const day = epochDayIn(value);
  if (day === undefined) throw fail('InvalidArgumentType', 'a time has no date');
  return new DateValue(day);
}

export function toLocalTime(value: TemporalInstant): LocalTimeValue {
  if (value instanceof DateValue) throw fail('InvalidArgumentType', 'a date has no time');
  return new LocalTimeValue(value.nanos);
}

/** With a zone, what has one already is moved there. */
export function toTime(value: TemporalInstant, zone?: ZoneOrOffset): TimeValue {
  if (value instanceof DateValue) throw fail('InvalidArgumentType', 'a date has no time');
  const own = ownZone(value);
  const day = epochDayIn(value) ?? 0;
  if (zone === undefined || own === undefined) {
    return new TimeValue(
      value.nanos,
      offsetOfTime(own === undefined ? (zone ?? UTC) : { ...own, zone: undefined }, day, value.nanos),
    );
  }
  const moved = inZone(dateTimeAt(day, value.nanos, own), zone);
  return new TimeValue(moved.nanos, moved.offset);
}

export function toLocalDateTime(value: TemporalInstant): LocalDateTimeValue {
  return new LocalDateTimeValue(toDate(value).epochDay, nanosOf(value));
}

export function toDateTime(value: TemporalInstant): DateTimeValue {
  if (value instanceof DateTimeValue) return value;
  return dateTimeAt(toDate(value).epochDay, nanosOf(value), UTC);
}

/** `date.truncate('month', d, {day: 2})` and its siblings: cuts an instant to a unit, then replaces components. */
import { runtimeError } from '../query-error.ts';
import { buildDay, buildNanos, type Components, DATE_COMPONENTS, TIME_COMPONENTS, zoneIn } from './build-temporal.ts';
import {
  checkedDay,
  civilOf,
  dayOfWeek,
  epochDayOf,
  firstDayOfQuarter,
  firstMonday,
  isoWeek,
  NANOS_PER_SECOND,
  quarterOf,
} from './calendar.ts';
import { dateTimeAt, UTC, type ZoneOrOffset } from './date-time.ts';
import {
  DateTimeValue,
  DateValue,
  LocalDateTimeValue,
  LocalTimeValue,
  type TemporalInstant,
  TimeValue,
} from './temporal-value.ts';
import { offsetAtLocal } from './zones.ts';

const TIME_UNITS: Readonly<Record<string, number>> = {
  hour: 3600 * NANOS_PER_SECOND,
  minute: 60 * NANOS_PER_SECOND,
  second: NANOS_PER_SECOND,
  millisecond: 1_000_000,
  microsecond: 1000,
};

function truncateDay(epochDay: number, unit: string): number | undefined {
  const { year, month } = civilOf(epochDay);
  switch (unit) {
    case 'millennium':
      return epochDayOf(Math.floor(year / 1000) * 1000, 1, 1);
    case 'century':
      return epochDayOf(Math.floor(year / 100) * 100, 1, 1);
    case 'decade':
      return epochDayOf(Math.floor(year / 10) * 10, 1, 1);
    case 'year':
      return epochDayOf(year, 1, 1);
    case 'weekYear':
      return firstMonday(isoWeek(epochDay).weekYear);
    case 'quarter':
      return firstDayOfQuarter(year, quarterOf(month));
    case 'month':
      return epochDayOf(year, month, 1);
    case 'week':
      return epochDay - dayOfWeek(epochDay) + 1;
    case 'day':
      return epochDay;
    default:
      return undefined;
  }
}

function unknownUnit(unit: string, kind: string): Error {
  return runtimeError('ArgumentError', 'InvalidArgumentValue', `a ${kind} cannot be truncated to \`${unit}\``);
}

function cutDay(value: TemporalInstant, unit: string, components: Components, kind: string): number {
  if (value instanceof LocalTimeValue || value instanceof TimeValue) {
    throw runtimeError('ArgumentError', 'InvalidArgumentType', 'a time has no date');
  }
  if (unit in TIME_UNITS) needTime(value);
  const day = unit in TIME_UNITS ? value.epochDay : truncateDay(value.epochDay, unit);
  if (day === undefined) throw unknownUnit(unit, kind);
  return buildDay(only(components, DATE_COMPONENTS), checkedDay(day));
}

function cutNanos(value: TemporalInstant, unit: string, components: Components, kind: string): number {
  const size = TIME_UNITS[unit];
  const time = only(components, TIME_COMPONENTS);
  const whole = value instanceof DateValue ? 0 : value.nanos;
  if (size === undefined) {
    if (truncateDay(0, unit) === undefined) throw unknownUnit(unit, kind);
    return buildNanos(time, 0);
  }
  const cut = whole - (whole % size);
  // Below a second, nanoseconds are added to what was kept.
  const nanos = time.get('nanosecond');
  if (size < NANOS_PER_SECOND && typeof nanos === 'number' && time.size === 1) {
    return cut + buildNanos(new Map([['nanosecond', nanos]]), 0);
  }
  return buildNanos(time, cut);
}

function only(components: Components, names: readonly string[]): Map<string, unknown> {
  return new Map(Array.from(components).filter(([name]) => names.includes(name)));
}

function zoneOf(value: TemporalInstant, components: Components): ZoneOrOffset {
  const zone = zoneIn(components);
  if (zone !== undefined) return zone;
  // Of the two times of an overlap, it stays the one that it was.
  if (value instanceof DateTimeValue) return { zone: value.zone, offset: value.offset };
  return value instanceof TimeValue ? { zone: undefined, offset: value.offset } : UTC;
}

export function truncateDate(unit: string, value: TemporalInstant, components: Components): DateValue {
  if (unit in TIME_UNITS) throw unknownUnit(unit, 'date');
  return new DateValue(cutDay(value, unit, components, 'date'));
}

function needTime(value: TemporalInstant): void {
  if (value instanceof DateValue) throw runtimeError('ArgumentError', 'InvalidArgumentType', 'a date has no time');
}

function needTimeUnit(unit: string, kind: string): void {
  if (unit !== 'day' && !(unit in TIME_UNITS)) throw unknownUnit(unit, kind);
}

export function truncateLocalTime(unit: string, value: TemporalInstant, components: Components): LocalTimeValue {
  needTime(value);
  needTimeUnit(unit, 'local time');
  return new LocalTimeValue(cutNanos(value, unit, components, 'local time'));
}

export function truncateTime(unit: string, value: TemporalInstant, components: Components): TimeValue {
  needTime(value);
  needTimeUnit(unit, 'time');
  const nanos = cutNanos(value, unit, components, 'time');
  const own = value instanceof DateTimeValue && !components.has('timezone') ? value.offset : undefined;
  const zone = zoneOf(value, components);
  const day = value instanceof DateTimeValue ? value.epochDay : 0;
  return new TimeValue(
    nanos,
    own ?? (zone.zone === undefined ? (zone.offset ?? 0) : offsetAtLocal(zone.zone, day, nanos)),
  );
}

export function truncateLocalDateTime(
  unit: string,
  value: TemporalInstant,
  components: Components,
): LocalDateTimeValue {
  const day = cutDay(value, unit, components, 'local date and time');
  return new LocalDateTimeValue(day, cutNanos(value, unit, components, 'local date and time'));
}

export function truncateDateTime(unit: string, value: TemporalInstant, components: Components): DateTimeValue {
  const day = cutDay(value, unit, components, 'date and time');
  return dateTimeAt(day, cutNanos(value, unit, components, 'date and time'), zoneOf(value, components));
}

/** Durations: from parts, their arithmetic, what lies between two instants, and adding one to an instant. */
import { INT64_MAX } from '../../graph/value.ts';
import { runtimeError } from '../query-error.ts';
import { checkedDay, civilOf, mod, NANOS_PER_DAY, NANOS_PER_SECOND, plusMonths, SECONDS_PER_DAY } from './calendar.ts';
import { dateTimeAt, dateTimeAtInstant, inZone } from './date-time.ts';
import {
  AVERAGE_SECONDS_PER_MONTH,
  DateTimeValue,
  DateValue,
  DurationValue,
  durationOf,
  LocalDateTimeValue,
  LocalTimeValue,
  nanosOf,
  type TemporalInstant,
  TimeValue,
} from './temporal-value.ts';

export const DURATION_PARTS = [
  'years',
  'quarters',
  'months',
  'weeks',
  'days',
  'hours',
  'minutes',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
] as const;
export type DurationParts = { readonly [part in (typeof DURATION_PARTS)[number]]?: number | undefined };

/** Sums parts; a fraction of a part goes on to the smaller ones, a month having its average length. */
export function durationFromParts(parts: DurationParts): DurationValue {
  const months = (parts.years ?? 0) * 12 + (parts.quarters ?? 0) * 3 + (parts.months ?? 0);
  const days = (parts.weeks ?? 0) * 7 + (parts.days ?? 0);
  const { hours = 0, minutes = 0, seconds = 0, milliseconds = 0, microseconds = 0, nanoseconds = 0 } = parts;
  return cascade(
    months,
    days,
    [hours * 3600, minutes * 60, seconds],
    milliseconds * 1_000_000 + microseconds * 1000 + nanoseconds,
  );
}

/** @param seconds summed exactly in whole seconds, their fractions in nanoseconds */
function cascade(months: number, days: number, seconds: readonly number[], nanos: number): DurationValue {
  if (![months, days, nanos, ...seconds].every(Number.isFinite)) throw outOfRange();
  const wholeMonths = Math.trunc(months);
  const monthRest = (months - wholeMonths) * AVERAGE_SECONDS_PER_MONTH;
  const monthDays = Math.trunc(monthRest / SECONDS_PER_DAY);
  const wholeDays = Math.trunc(days);
  const rest = [monthRest - monthDays * SECONDS_PER_DAY, (days - wholeDays) * SECONDS_PER_DAY, ...seconds];
  let total = 0n;
  let fraction = nanos;
  for (const part of rest) {
    const whole = Math.trunc(part);
    total += BigInt(whole);
    fraction += (part - whole) * NANOS_PER_SECOND;
  }
  const carry = Math.floor(fraction / NANOS_PER_SECOND);
  // A fraction of a nanosecond is cut; what is nearer to the next whole than a double tells apart, was one.
  const nanosRest = Math.trunc(fraction - carry * NANOS_PER_SECOND + 1e-4);
  return checked(wholeMonths, wholeDays + monthDays, total + BigInt(carry), nanosRest);
}

function checked(months: number, days: number, seconds: bigint, nanos: number): DurationValue {
  if (!Number.isSafeInteger(months) || !Number.isSafeInteger(days)) throw outOfRange();
  const size = seconds < 0n ? -seconds : seconds;
  if (size > INT64_MAX) throw outOfRange();
  return durationOf(months, days, seconds, nanos);
}

function outOfRange(): Error {
  return runtimeError('ArgumentError', 'NumberOutOfRange', 'the duration is out of range');
}

export function addDurations(a: DurationValue, b: DurationValue, sign: 1 | -1): DurationValue {
  return checked(
    a.months + sign * b.months,
    a.days + sign * b.days,
    a.seconds + BigInt(sign) * b.seconds,
    a.nanos + sign * b.nanos,
  );
}

export function negateDuration(a: DurationValue): DurationValue {
  return addDurations(new DurationValue(0, 0, 0n, 0), a, -1);
}

/** `factor` may have a fraction. */
export function scaleDuration(a: DurationValue, factor: number): DurationValue {
  if (Number.isInteger(factor) && Number.isSafeInteger(factor)) {
    return checked(a.months * factor, a.days * factor, a.seconds * BigInt(factor), a.nanos * factor);
  }
  return cascade(a.months * factor, a.days * factor, [Number(a.seconds) * factor], a.nanos * factor);
}

export function divideDuration(a: DurationValue, divisor: number): DurationValue {
  return cascade(a.months / divisor, a.days / divisor, [Number(a.seconds) / divisor], a.nanos / divisor);
}

/** Adds what of the duration the kind can take: a date whole days, a time the part within a day. */
export function plusDuration(value: TemporalInstant, by: DurationValue): TemporalInstant {
  if (value instanceof DateValue) {
    const days = by.days + Number(by.seconds / BigInt(SECONDS_PER_DAY));
    return new DateValue(checkedDay(plusMonths(value.epochDay, by.months) + days));
  }
  const shift = Number(by.seconds % BigInt(SECONDS_PER_DAY)) * NANOS_PER_SECOND + by.nanos;
  if (value instanceof LocalTimeValue) return new LocalTimeValue(mod(value.nanos + shift, NANOS_PER_DAY));
  if (value instanceof TimeValue) return new TimeValue(mod(value.nanos + shift, NANOS_PER_DAY), value.offset);
  const day = plusMonths(value.epochDay, by.months) + by.days;
  if (value instanceof LocalDateTimeValue) {
    const nanos = value.nanos + shift;
    const carry = Math.floor(nanos / NANOS_PER_DAY) + Number(by.seconds / BigInt(SECONDS_PER_DAY));
    return new LocalDateTimeValue(checkedDay(day + carry), mod(nanos, NANOS_PER_DAY));
  }
  const { zone, offset } = value;
  const moved = dateTimeAt(checkedDay(day), value.nanos, { zone, offset });
  const nanos = (moved.nanos % NANOS_PER_SECOND) + by.nanos;
  const seconds = moved.epochSeconds + Number(by.seconds) + Math.floor(nanos / NANOS_PER_SECOND);
  return dateTimeAtInstant(seconds, mod(nanos, NANOS_PER_SECOND), { zone, offset });
}

// --- between

/** An instant with what it lacks filled in so that it can be compared with the other one. */
interface Aligned {
  readonly epochDay: number;
  readonly nanos: number;
  /** Subtracted, gives the instant if both have a zone. */
  readonly offset: number;
}

/** Values without date lie on the day of the other one; those without zone are in its zone. */
function align(a: TemporalInstant, b: TemporalInstant): readonly [Aligned, Aligned] {
  const dayA = dayOf(a) ?? dayOf(b) ?? 0;
  const dayB = dayOf(b) ?? dayA;
  if (a instanceof DateTimeValue || b instanceof DateTimeValue) {
    const zone = a instanceof DateTimeValue ? a : (b as DateTimeValue);
    return [located(a, dayA, zone), located(b, dayB, zone)];
  }
  const zoned = a instanceof TimeValue && b instanceof TimeValue;
  return [
    { epochDay: dayA, nanos: nanosOf(a), offset: zoned ? a.offset : 0 },
    { epochDay: dayB, nanos: nanosOf(b), offset: zoned ? b.offset : 0 },
  ];
}

/** As a date and time in the zone of `zone`; an offset of its own moves it there. */
function located(value: TemporalInstant, day: number, { zone, offset }: DateTimeValue): DateTimeValue {
  if (value instanceof DateTimeValue) return inZone(value, { zone, offset });
  if (value instanceof TimeValue) {
    const own = dateTimeAt(day, value.nanos, { zone: undefined, offset: value.offset });
    return inZone(own, { zone, offset });
  }
  return dateTimeAt(day, nanosOf(value), { zone, offset: zone === undefined ? offset : undefined });
}

function dayOf(value: TemporalInstant): number | undefined {
  return value instanceof LocalTimeValue || value instanceof TimeValue ? undefined : value.epochDay;
}

/** The day until which whole days or months count: one less (or more, backwards) if the time of day is not reached. */
function wholeDay(a: Aligned, b: Aligned): number {
  if (b.epochDay > a.epochDay && b.nanos < a.nanos) return b.epochDay - 1;
  if (b.epochDay < a.epochDay && b.nanos > a.nanos) return b.epochDay + 1;
  return b.epochDay;
}

function monthsBetween(from: number, to: number): number {
  const a = civilOf(from);
  const b = civilOf(to);
  const packed = (b.year * 12 + b.month) * 32 + b.day - ((a.year * 12 + a.month) * 32 + a.day);
  return Math.trunc(packed / 32);
}

function secondsBetween(a: Aligned, b: Aligned): DurationValue {
  const days = BigInt(b.epochDay - a.epochDay) * BigInt(SECONDS_PER_DAY);
  return durationOf(0, 0, days + BigInt(a.offset - b.offset), b.nanos - a.nanos);
}

export function durationBetween(a: TemporalInstant, b: TemporalInstant): DurationValue {
  const [start, end] = align(a, b);
  const months = monthsBetween(start.epochDay, wholeDay(start, end));
  const { nanos, offset } = start;
  const afterMonths = { nanos, offset, epochDay: plusMonths(start.epochDay, months) };
  const days = wholeDay(afterMonths, end) - afterMonths.epochDay;
  const after: Aligned = { ...afterMonths, epochDay: afterMonths.epochDay + days };
  const zone = start instanceof DateTimeValue && (months !== 0 || days !== 0) ? start : undefined;
  // Whole days may lead to another offset of the zone.
  const from = zone?.zone === undefined ? after : dateTimeAt(after.epochDay, after.nanos, zone);
  const rest = secondsBetween(from, end);
  return new DurationValue(months, days, rest.seconds, rest.nanos);
}

export function durationInMonths(a: TemporalInstant, b: TemporalInstant): DurationValue {
  const [start, end] = align(a, b);
  return new DurationValue(monthsBetween(start.epochDay, wholeDay(start, end)), 0, 0n, 0);
}

export function durationInDays(a: TemporalInstant, b: TemporalInstant): DurationValue {
  const [start, end] = align(a, b);
  return new DurationValue(0, wholeDay(start, end) - start.epochDay, 0n, 0);
}

export function durationInSeconds(a: TemporalInstant, b: TemporalInstant): DurationValue {
  const [start, end] = align(a, b);
  return secondsBetween(start, end);
}

/**
 * Temporal values as the engine computes with them: integers, never text. The graph keeps their ISO 8601 text
 * (`Temporal` in graph/value.ts): `toStoredTemporal` here and `stored-temporal.ts` convert at the boundary.
 */
import { Temporal } from '../../graph/value.ts';
import { civilOf, mod, NANOS_PER_SECOND, pad, SECONDS_PER_DAY } from './calendar.ts';

export class DateValue {
  readonly kind = 'Date';
  /** Days since 1970-01-01. */
  readonly epochDay: number;
  constructor(epochDay: number) {
    this.epochDay = epochDay;
  }
  toString(): string {
    return dateText(this.epochDay);
  }
}

export class LocalTimeValue {
  readonly kind = 'LocalTime';
  /** Nanoseconds since midnight. */
  readonly nanos: number;
  constructor(nanos: number) {
    this.nanos = nanos;
  }
  toString(): string {
    return timeText(this.nanos);
  }
}

export class TimeValue {
  readonly kind = 'Time';
  readonly nanos: number;
  /** Seconds east of UTC. */
  readonly offset: number;
  constructor(nanos: number, offset: number) {
    this.nanos = nanos;
    this.offset = offset;
  }
  toString(): string {
    return timeText(this.nanos) + offsetText(this.offset);
  }
}

export class LocalDateTimeValue {
  readonly kind = 'LocalDateTime';
  readonly epochDay: number;
  readonly nanos: number;
  constructor(epochDay: number, nanos: number) {
    this.epochDay = epochDay;
    this.nanos = nanos;
  }
  toString(): string {
    return `${dateText(this.epochDay)}T${timeText(this.nanos)}`;
  }
}

/** Local date and time, the offset that holds there then, and the IANA zone if it is in one. */
export class DateTimeValue {
  readonly kind = 'DateTime';
  readonly epochDay: number;
  readonly nanos: number;
  readonly offset: number;
  readonly zone: string | undefined;
  constructor(epochDay: number, nanos: number, offset: number, zone: string | undefined) {
    this.epochDay = epochDay;
    this.nanos = nanos;
    this.offset = offset;
    this.zone = zone;
  }
  get epochSeconds(): number {
    return this.epochDay * SECONDS_PER_DAY + Math.floor(this.nanos / NANOS_PER_SECOND) - this.offset;
  }
  toString(): string {
    const zone = this.zone === undefined ? '' : `[${this.zone}]`;
    return `${dateText(this.epochDay)}T${timeText(this.nanos)}${offsetText(this.offset)}${zone}`;
  }
}

/** Months, days and seconds apart, since no fixed number of one makes the other. */
export class DurationValue {
  readonly kind = 'Duration';
  readonly months: number;
  readonly days: number;
  /** 64 bits: between the first and the last year lie more than a double counts. */
  readonly seconds: bigint;
  /** 0 to 999,999,999, also for negative durations: -0.4 s is -1 s and 600,000,000 ns. */
  readonly nanos: number;
  constructor(months: number, days: number, seconds: bigint, nanos: number) {
    this.months = months + 0;
    this.days = days + 0;
    this.seconds = seconds;
    this.nanos = nanos + 0;
  }
  toString(): string {
    return durationText(this);
  }
}

export type TemporalInstant = DateValue | LocalTimeValue | TimeValue | LocalDateTimeValue | DateTimeValue;
export type TemporalValue = TemporalInstant | DurationValue;

export function isTemporal(value: unknown): value is TemporalValue {
  return isInstant(value) || value instanceof DurationValue;
}

export function toStoredTemporal(value: TemporalValue): Temporal {
  return new Temporal(value.kind, value.toString());
}

export function isInstant(value: unknown): value is TemporalInstant {
  return (
    value instanceof DateValue ||
    value instanceof LocalDateTimeValue ||
    value instanceof DateTimeValue ||
    value instanceof LocalTimeValue ||
    value instanceof TimeValue
  );
}

/** Of the day; a date begins it. */
export function nanosOf(value: TemporalInstant): number {
  return value instanceof DateValue ? 0 : value.nanos;
}

function dateText(epochDay: number): string {
  const { year, month, day } = civilOf(epochDay);
  const sign = year < 0 ? '-' : year > 9999 ? '+' : '';
  return `${sign}${pad(Math.abs(year), 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function timeText(nanos: number): string {
  const seconds = Math.floor(nanos / NANOS_PER_SECOND);
  const fraction = nanos - seconds * NANOS_PER_SECOND;
  const minutes = Math.floor(seconds / 60);
  const text = `${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}`;
  if (fraction === 0) return seconds % 60 === 0 ? text : `${text}:${pad(seconds % 60, 2)}`;
  return `${text}:${pad(seconds % 60, 2)}.${pad(fraction, 9).replace(/0+$/, '')}`;
}

export function offsetText(offset: number): string {
  if (offset === 0) return 'Z';
  const size = Math.abs(offset);
  const text = `${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 3600), 2)}:${pad(Math.floor(size / 60) % 60, 2)}`;
  return size % 60 === 0 ? text : `${text}:${pad(size % 60, 2)}`;
}

function durationText({ months, days, seconds, nanos }: DurationValue): string {
  let text = 'P';
  const years = Math.trunc(months / 12);
  if (years !== 0) text += `${years}Y`;
  if (months % 12 !== 0) text += `${months % 12}M`;
  if (days !== 0) text += `${days}D`;
  if (seconds !== 0n || nanos !== 0) {
    // Whole seconds towards zero, with the fraction of the same sign.
    const negative = seconds < 0n;
    const whole = negative && nanos > 0 ? seconds + 1n : seconds;
    const fraction = negative && nanos > 0 ? NANOS_PER_SECOND - nanos : nanos;
    text += 'T';
    const hours = whole / 3600n;
    const minutes = Number((whole % 3600n) / 60n);
    const rest = Number(whole % 60n);
    if (hours !== 0n) text += `${hours}H`;
    if (minutes !== 0) text += `${minutes}M`;
    if (rest !== 0 || fraction !== 0) {
      const sign = rest < 0 || (rest === 0 && negative) ? '-' : '';
      const digits = fraction === 0 ? '' : `.${pad(fraction, 9).replace(/0+$/, '')}`;
      text += `${sign}${Math.abs(rest)}${digits}S`;
    }
  }
  return text === 'P' ? 'PT0S' : text;
}

/** A duration with its fraction of seconds in range. */
export function durationOf(months: number, days: number, seconds: number | bigint, nanos: number): DurationValue {
  const carry = Math.floor(nanos / NANOS_PER_SECOND);
  return new DurationValue(months, days, BigInt(seconds) + BigInt(carry), mod(nanos, NANOS_PER_SECOND));
}

/**
 * Order within a kind, by the instant. Durations compare by their average length (a month is 30.436875 days), which only
 * sorts them: `<` on durations is null.
 */
function compareInstants(a: TemporalValue, b: TemporalValue): number {
  if (a instanceof DateValue) return a.epochDay - (b as DateValue).epochDay;
  if (a instanceof LocalTimeValue) return a.nanos - (b as LocalTimeValue).nanos;
  if (a instanceof LocalDateTimeValue) {
    const other = b as LocalDateTimeValue;
    return a.epochDay - other.epochDay || a.nanos - other.nanos;
  }
  if (a instanceof TimeValue) {
    const other = b as TimeValue;
    return a.nanos - a.offset * NANOS_PER_SECOND - (other.nanos - other.offset * NANOS_PER_SECOND);
  }
  if (a instanceof DateTimeValue) {
    const other = b as DateTimeValue;
    return a.epochSeconds - other.epochSeconds || (a.nanos % NANOS_PER_SECOND) - (other.nanos % NANOS_PER_SECOND);
  }
  const other = b as DurationValue;
  return averageSeconds(a) - averageSeconds(other) || a.nanos - other.nanos;
}

export const AVERAGE_SECONDS_PER_MONTH = 2_629_746;

function averageSeconds({ months, days, seconds }: DurationValue): number {
  return months * AVERAGE_SECONDS_PER_MONTH + days * SECONDS_PER_DAY + Number(seconds);
}

/** Total order within a kind: one instant is ordered by offset, from west to east, then by zone, so 0 means the same value. */
export function compareTemporal(a: TemporalValue, b: TemporalValue): number {
  const order = compareInstants(a, b);
  if (order !== 0) return order;
  const offsets = offsetOf(a) - offsetOf(b);
  if (offsets !== 0) return offsets;
  const x = a.toString();
  const y = b.toString();
  return x < y ? -1 : x > y ? 1 : 0;
}

function offsetOf(value: TemporalValue): number {
  return value instanceof TimeValue || value instanceof DateTimeValue ? value.offset : 0;
}

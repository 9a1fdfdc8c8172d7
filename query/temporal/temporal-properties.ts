/** What `value.year`, `value.offset`, `duration.minutesOfHour` and the like are. */
import { integer, type Value } from '../../graph/value.ts';
import { civilOf, dayOfWeek, dayOfYear, firstDayOfQuarter, isoWeek, NANOS_PER_SECOND, quarterOf } from './calendar.ts';
import {
  DateTimeValue,
  DateValue,
  DurationValue,
  LocalTimeValue,
  offsetText,
  type TemporalValue,
  TimeValue,
} from './temporal-value.ts';

/** Undefined if the value has no such property. */
export function temporalProperty(value: TemporalValue, name: string): Value | undefined {
  if (value instanceof DurationValue) return durationProperty(value, name);
  if (!(value instanceof LocalTimeValue || value instanceof TimeValue)) {
    const found = dateProperty(value.epochDay, name);
    if (found !== undefined) return found;
  }
  if (!(value instanceof DateValue)) {
    const found = timeProperty(value.nanos, name);
    if (found !== undefined) return found;
  }
  if (value instanceof TimeValue || value instanceof DateTimeValue) {
    const found = zoneProperty(value, name);
    if (found !== undefined) return found;
  }
  if (value instanceof DateTimeValue) {
    if (name === 'epochSeconds') return value.epochSeconds;
    if (name === 'epochMillis') {
      return value.epochSeconds * 1000 + Math.floor((value.nanos % NANOS_PER_SECOND) / 1_000_000);
    }
  }
  return undefined;
}

function dateProperty(epochDay: number, name: string): number | undefined {
  switch (name) {
    case 'year':
      return civilOf(epochDay).year;
    case 'quarter':
      return quarterOf(civilOf(epochDay).month);
    case 'month':
      return civilOf(epochDay).month;
    case 'week':
      return isoWeek(epochDay).week;
    case 'weekYear':
      return isoWeek(epochDay).weekYear;
    case 'day':
      return civilOf(epochDay).day;
    case 'ordinalDay':
      return dayOfYear(epochDay);
    case 'weekDay':
    case 'dayOfWeek':
      return dayOfWeek(epochDay);
    case 'quarterDay':
    case 'dayOfQuarter': {
      const { year, month } = civilOf(epochDay);
      return epochDay - firstDayOfQuarter(year, quarterOf(month)) + 1;
    }
    default:
      return undefined;
  }
}

function timeProperty(nanos: number, name: string): number | undefined {
  const seconds = Math.floor(nanos / NANOS_PER_SECOND);
  const fraction = nanos % NANOS_PER_SECOND;
  switch (name) {
    case 'hour':
      return Math.floor(seconds / 3600);
    case 'minute':
      return Math.floor(seconds / 60) % 60;
    case 'second':
      return seconds % 60;
    case 'millisecond':
      return Math.floor(fraction / 1_000_000);
    case 'microsecond':
      return Math.floor(fraction / 1000);
    case 'nanosecond':
      return fraction;
    default:
      return undefined;
  }
}

function zoneProperty(value: TimeValue | DateTimeValue, name: string): Value | undefined {
  switch (name) {
    case 'timezone':
      return value instanceof DateTimeValue && value.zone !== undefined ? value.zone : offsetText(value.offset);
    case 'offset':
      return offsetText(value.offset);
    case 'offsetMinutes':
      return Math.trunc(value.offset / 60) + 0;
    case 'offsetSeconds':
      return value.offset;
    default:
      return undefined;
  }
}

function durationProperty({ months, days, seconds, nanos }: DurationValue, name: string): Value | undefined {
  const trunc = (value: number) => Math.trunc(value) + 0;
  switch (name) {
    case 'years':
      return trunc(months / 12);
    case 'quarters':
      return trunc(months / 3);
    case 'months':
      return months;
    case 'weeks':
      return trunc(days / 7);
    case 'days':
      return days;
    case 'hours':
      return integer(seconds / 3600n);
    case 'minutes':
      return integer(seconds / 60n);
    case 'seconds':
      return integer(seconds);
    case 'milliseconds':
      return integer(seconds * 1000n + BigInt(Math.floor(nanos / 1_000_000)));
    case 'microseconds':
      return integer(seconds * 1_000_000n + BigInt(Math.floor(nanos / 1000)));
    case 'nanoseconds':
      return integer(seconds * 1_000_000_000n + BigInt(nanos));
    case 'quartersOfYear':
      return trunc((months % 12) / 3);
    case 'monthsOfQuarter':
      return (months % 3) + 0;
    case 'monthsOfYear':
      return (months % 12) + 0;
    case 'daysOfWeek':
      return (days % 7) + 0;
    case 'minutesOfHour':
      return Number((seconds % 3600n) / 60n);
    case 'secondsOfMinute':
      return Number(seconds % 60n);
    case 'millisecondsOfSecond':
      return Math.floor(nanos / 1_000_000);
    case 'microsecondsOfSecond':
      return Math.floor(nanos / 1000);
    case 'nanosecondsOfSecond':
      return nanos;
    default:
      return undefined;
  }
}

/** Temporal values from their ISO 8601 texts, in the basic and the extended format. */
import { runtimeError } from '../query-error.ts';
import {
  daysInMonth,
  epochDayOf,
  firstDayOfQuarter,
  firstMonday,
  isLeapYear,
  NANOS_PER_SECOND,
  weeksInYear,
  YEAR_MAX,
} from './calendar.ts';
import { dateTimeAt, type ZoneOrOffset } from './date-time.ts';
import { durationFromParts } from './duration.ts';
import {
  type DateTimeValue,
  DateValue,
  type DurationValue,
  LocalDateTimeValue,
  LocalTimeValue,
  TimeValue,
} from './temporal-value.ts';
import { findZone, offsetAtInstant } from './zones.ts';

function invalid(kind: string, text: string): Error {
  return runtimeError('ArgumentError', 'InvalidArgumentValue', `"${text.slice(0, 100)}" is no ${kind}`);
}

const DATE =
  /^([+-]\d{4,9}|\d{4})(?:-?W(\d\d)(?:-?(\d))?|-?Q(\d)(?:-?(\d\d?))?|-(\d\d)(?:-(\d\d))?|-(\d{3})|(\d\d)(\d\d)|(\d{3})|(\d\d))?$/;

function parseDay(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const year = Number(match[1]);
  if (Math.abs(year) > YEAR_MAX) return undefined;
  const [, , week, weekDay, quarter, quarterDay] = match;
  if (week !== undefined) {
    const number = Number(week);
    const day = Number(weekDay ?? 1);
    if (number < 1 || number > weeksInYear(year) || day < 1 || day > 7) return undefined;
    return firstMonday(year) + (number - 1) * 7 + day - 1;
  }
  if (quarter !== undefined) {
    const number = Number(quarter);
    if (number < 1 || number > 4) return undefined;
    return firstDayOfQuarter(year, number) + Number(quarterDay ?? 1) - 1;
  }
  const ordinal = match[8] ?? match[11];
  if (ordinal !== undefined) {
    const day = Number(ordinal);
    if (day < 1 || day > (isLeapYear(year) ? 366 : 365)) return undefined;
    return epochDayOf(year, 1, 1) + day - 1;
  }
  const month = Number(match[6] ?? match[9] ?? match[12] ?? 1);
  const day = Number(match[7] ?? match[10] ?? 1);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return epochDayOf(year, month, day);
}

const TIME = /^(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?|(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?$/;

function parseNanos(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const hour = Number(match[1]);
  const minute = Number(match[2] ?? match[5] ?? 0);
  const second = Number(match[3] ?? match[6] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fraction = Number((match[4] ?? match[7] ?? '0').padEnd(9, '0'));
  return ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + fraction;
}

const OFFSET = /^([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?$/;

/** Seconds east of UTC. */
export function parseOffset(text: string): number | undefined {
  if (text === 'Z' || text === 'z') return 0;
  const match = OFFSET.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = [Number(match[2]), Number(match[3] ?? 0), Number(match[4] ?? 0)];
  if (hours > 18 || minutes > 59 || seconds > 59) return undefined;
  const size = (hours * 60 + minutes) * 60 + seconds;
  return match[1] === '-' ? 0 - size : size;
}

/** A zone name or an offset. @throws QueryError */
export function parseZone(text: string): ZoneOrOffset {
  const offset = parseOffset(text);
  if (offset !== undefined) return { offset, zone: undefined };
  // `America/New York` is what Neo4j's users write, too.
  const zone = findZone(text.replaceAll(' ', '_'));
  if (zone === undefined) throw invalid('time zone', text);
  return { offset: undefined, zone };
}

/** Splits the offset and the zone in brackets off a time. */
function splitZone(text: string): { readonly time: string; readonly offset?: string; readonly zone?: string } {
  const match = /^([\d:.,]+)(Z|z|[+-][\d:]+)?(?:\[([^\]]+)\])?$/.exec(text);
  if (match === null) return { time: text };
  const [, time, offset, zone] = match;
  return {
    time: time as string,
    ...(offset === undefined ? {} : { offset }),
    ...(zone === undefined ? {} : { zone }),
  };
}

export function parseDate(text: string): DateValue {
  const day = parseDay(text);
  if (day === undefined) throw invalid('date', text);
  return new DateValue(day);
}

/** A time alone may begin with the letter that stands between a date and a time. */
function withoutT(text: string): string {
  return text.replace(/^[Tt]/, '');
}

export function parseLocalTime(text: string): LocalTimeValue {
  const nanos = parseNanos(withoutT(text));
  if (nanos === undefined) throw invalid('local time', text);
  return new LocalTimeValue(nanos);
}

export function parseTime(text: string): TimeValue {
  const { time, offset, zone } = splitZone(withoutT(text));
  const nanos = parseNanos(time);
  const seconds = offset === undefined ? (zone === undefined ? 0 : undefined) : parseOffset(offset);
  if (nanos === undefined) throw invalid('time', text);
  if (seconds !== undefined) return new TimeValue(nanos, seconds);
  if (zone === undefined || offset !== undefined) throw invalid('time', text);
  const named = parseZone(zone);
  return new TimeValue(nanos, named.offset ?? offsetAtInstant(named.zone as string, 0));
}

function splitDateTime(text: string): { readonly day: number | undefined; readonly time: string } {
  const at = text.search(/[Tt]/);
  if (at < 0) return { day: parseDay(text), time: '00' };
  return { day: parseDay(text.slice(0, at)), time: text.slice(at + 1) };
}

export function parseLocalDateTime(text: string): LocalDateTimeValue {
  const { day, time } = splitDateTime(text);
  const nanos = parseNanos(time);
  if (day === undefined || nanos === undefined) throw invalid('local date and time', text);
  return new LocalDateTimeValue(day, nanos);
}

export function parseDateTime(text: string): DateTimeValue {
  const { day, time: rest } = splitDateTime(text);
  const { time, offset, zone } = splitZone(rest);
  const nanos = parseNanos(time);
  if (day === undefined || nanos === undefined) throw invalid('date and time', text);
  const seconds = offset === undefined ? undefined : parseOffset(offset);
  if (offset !== undefined && seconds === undefined) throw invalid('date and time', text);
  if (zone === undefined) return dateTimeAt(day, nanos, { offset: seconds ?? 0, zone: undefined });
  const named = parseZone(zone);
  return dateTimeAt(day, nanos, named.zone === undefined ? named : { zone: named.zone, offset: seconds });
}

/**
 * As somebody wrote it: an offset beside a zone must be one of the zone's. What was stored is not asked, since the rules of
 * zones change.
 */
export function parseWrittenDateTime(text: string): DateTimeValue {
  const value = parseDateTime(text);
  const { offset } = splitZone(splitDateTime(text).time);
  if (offset !== undefined && parseOffset(offset) !== value.offset) {
    const message = `the time zone ${value.zone} is not at ${offset} from UTC then`;
    throw runtimeError('ArgumentError', 'InvalidArgumentValue', message);
  }
  return value;
}

const DURATION_UNITS =
  /^([+-]?)P(?:([+-]?\d+(?:[.,]\d+)?)Y)?(?:([+-]?\d+(?:[.,]\d+)?)M)?(?:([+-]?\d+(?:[.,]\d+)?)W)?(?:([+-]?\d+(?:[.,]\d+)?)D)?(T(?:([+-]?\d+(?:[.,]\d+)?)H)?(?:([+-]?\d+(?:[.,]\d+)?)M)?(?:([+-]?\d+(?:[.,]\d+)?)S)?)?$/;
const DURATION_DATE =
  /^([+-]?)P(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?$|^([+-]?)P(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?$/;

export function parseDuration(text: string): DurationValue {
  const units = DURATION_UNITS.exec(text);
  if (units !== null && text.length > 1 && !text.endsWith('P') && !text.endsWith('T')) {
    const sign = units[1] === '-' ? -1 : 1;
    const number = (group: number) => sign * Number((units[group] ?? '0').replace(',', '.')) + 0;
    return durationFromParts({
      years: number(2),
      months: number(3),
      weeks: number(4),
      days: number(5),
      hours: number(7),
      minutes: number(8),
      ...secondsOf(units[9], sign),
    });
  }
  const date = DURATION_DATE.exec(text);
  if (date === null) throw invalid('duration', text);
  const groups = date[2] === undefined ? date.slice(9) : date.slice(1, 9);
  const sign = groups[0] === '-' ? -1 : 1;
  const [years, months, days, hours, minutes, seconds] = groups.slice(1, 7).map((part) => sign * Number(part ?? 0));
  const nanoseconds = sign * Number((groups[7] ?? '0').padEnd(9, '0'));
  return durationFromParts({ years, months, days, hours, minutes, seconds, nanoseconds } as Record<string, number>);
}

/** Seconds and their fraction, digit by digit: a double would round the last nanoseconds of many seconds. */
function secondsOf(text: string | undefined, sign: number): { readonly seconds: number; readonly nanoseconds: number } {
  if (text === undefined) return { seconds: 0, nanoseconds: 0 };
  const [whole, fraction = ''] = text.replace(',', '.').split('.') as [string, string?];
  const negative = whole.startsWith('-') ? -sign : sign;
  const nanoseconds = negative * Number(fraction.slice(0, 9).padEnd(9, '0'));
  return { seconds: negative * Math.abs(Number(whole)), nanoseconds };
}

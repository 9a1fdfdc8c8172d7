/**
 * The proleptic Gregorian calendar in plain integers: dates are days since 1970-01-01, over the years that openCypher has
 * (plus or minus 999,999,999), which is far more than libraries with an epoch in milliseconds or nanoseconds reach.
 */
import { runtimeError } from '../query-error.ts';

export const NANOS_PER_SECOND = 1_000_000_000;
export const SECONDS_PER_DAY = 86_400;
export const NANOS_PER_DAY = SECONDS_PER_DAY * NANOS_PER_SECOND;
export const YEAR_MAX = 999_999_999;

export interface CivilDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
}

const DAYS_PER_ERA = 146_097;

/** Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
export function epochDayOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - 719_468;
}

/** Source: the same, civil_from_days. */
export function civilOf(epochDay: number): CivilDate {
  const z = epochDay + 719_468;
  const era = Math.floor(z / DAYS_PER_ERA);
  const dayOfEra = z - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const mp = Math.floor((5 * dayOfYear + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * mp + 2) / 5) + 1 };
}

/** The day, if texts can tell it. @throws QueryError */
export function checkedDay(epochDay: number): number {
  const { year } = civilOf(epochDay);
  if (Math.abs(year) <= YEAR_MAX) return epochDay;
  throw runtimeError('ArgumentError', 'NumberOutOfRange', `the year lies beyond ${YEAR_MAX}`);
}

export function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Monday is 1, Sunday 7. */
export function dayOfWeek(epochDay: number): number {
  return mod(epochDay + 3, 7) + 1;
}

export function dayOfYear(epochDay: number): number {
  return epochDay - epochDayOf(civilOf(epochDay).year, 1, 1) + 1;
}

/** Monday of week 1 (ISO 8601) of a week-based year. */
export function firstMonday(weekYear: number): number {
  const january4 = epochDayOf(weekYear, 1, 4);
  return january4 - (dayOfWeek(january4) - 1);
}

export function weeksInYear(weekYear: number): number {
  return (firstMonday(weekYear + 1) - firstMonday(weekYear)) / 7;
}

/** ISO 8601 week and the year that it belongs to. */
export function isoWeek(epochDay: number): { readonly weekYear: number; readonly week: number } {
  const thursday = epochDay + 4 - dayOfWeek(epochDay);
  const weekYear = civilOf(thursday).year;
  return { weekYear, week: Math.floor((epochDay - firstMonday(weekYear)) / 7) + 1 };
}

export function quarterOf(month: number): number {
  return Math.floor((month - 1) / 3) + 1;
}

export function firstDayOfQuarter(year: number, quarter: number): number {
  return epochDayOf(year, (quarter - 1) * 3 + 1, 1);
}

/** Moves by whole months; a day beyond the end of the month becomes its last. */
export function plusMonths(epochDay: number, months: number): number {
  if (months === 0) return epochDay;
  const { year, month, day } = civilOf(epochDay);
  const total = year * 12 + (month - 1) + months;
  const toYear = Math.floor(total / 12);
  const toMonth = mod(total, 12) + 1;
  return epochDayOf(toYear, toMonth, Math.min(day, daysInMonth(toYear, toMonth)));
}

/** The remainder with the sign of the divisor, never -0. */
export function mod(a: number, b: number): number {
  const rest = a % b;
  return rest < 0 ? rest + b : rest + 0;
}

export function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

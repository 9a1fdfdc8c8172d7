/** Date and time in a zone: the offset is part of the value, so it is computed once, when the value is made. */
import { checkedDay, mod, NANOS_PER_SECOND, SECONDS_PER_DAY } from './calendar.ts';
import { DateTimeValue } from './temporal-value.ts';
import { holdsAtLocal, offsetAtInstant, offsetAtLocal } from './zones.ts';

/** Either may be missing, not both; with a zone, an offset only chooses between the two times of an overlap. */
export interface ZoneOrOffset {
  readonly offset: number | undefined;
  readonly zone: string | undefined;
}

export const UTC: ZoneOrOffset = { offset: 0, zone: undefined };

/** The value at a local date and time. A local time that the zone skips is moved on by the length of the gap. */
export function dateTimeAt(epochDay: number, nanos: number, { offset, zone }: ZoneOrOffset): DateTimeValue {
  checkedDay(epochDay);
  if (zone === undefined) return new DateTimeValue(epochDay, nanos, offset ?? 0, undefined);
  if (offset !== undefined && holdsAtLocal(zone, epochDay, nanos, offset)) {
    return new DateTimeValue(epochDay, nanos, offset, zone);
  }
  const found = offsetAtLocal(zone, epochDay, nanos);
  const seconds = epochDay * SECONDS_PER_DAY + Math.floor(nanos / NANOS_PER_SECOND) - found;
  return dateTimeAtInstant(seconds, nanos % NANOS_PER_SECOND, { offset: undefined, zone });
}

/** The value at an instant. */
export function dateTimeAtInstant(
  epochSeconds: number,
  nanosOfSecond: number,
  { offset, zone }: ZoneOrOffset,
): DateTimeValue {
  const east = zone === undefined ? (offset ?? 0) : offsetAtInstant(zone, epochSeconds);
  const local = epochSeconds + east;
  const day = checkedDay(Math.floor(local / SECONDS_PER_DAY));
  return new DateTimeValue(day, mod(local, SECONDS_PER_DAY) * NANOS_PER_SECOND + nanosOfSecond, east, zone);
}

/** The same instant elsewhere. */
export function inZone(value: DateTimeValue, zone: ZoneOrOffset): DateTimeValue {
  return dateTimeAtInstant(value.epochSeconds, value.nanos % NANOS_PER_SECOND, zone);
}

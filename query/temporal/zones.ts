/**
 * IANA time zones, from the Temporal library (which has the rules of the host's time zone database). Only here: all other
 * arithmetic needs no zone. Look-ups cost tens of microseconds, so the last ones are kept.
 */
import type { Temporal as TemporalLibrary } from 'temporal-polyfill';
import { TIME_ZONES } from '../parts.ts';
import { civilOf, NANOS_PER_SECOND, SECONDS_PER_DAY } from './calendar.ts';

/** Look-ups that are kept for each zone. */
const KEPT_MAX = 4096;
/** Years that the library covers with room to spare; beyond them the rules of the last ones hold. */
const LIBRARY_YEAR_MAX = 200_000;

const { Temporal: OWN } = globalThis as { readonly Temporal?: typeof TemporalLibrary };

/** Where the polyfill is there, the runtime's own is not used: all servers have the same rules. */
function temporal(): typeof TemporalLibrary {
  return OWN === undefined || TIME_ZONES.isThere ? TIME_ZONES.get().Temporal : OWN;
}

interface Zone {
  readonly id: string;
  /** Offsets in seconds, by seconds since the epoch. */
  readonly byInstant: Map<number, number>;
  readonly byLocal: Map<number, number>;
}

const zones = new Map<string, Zone>();

/** The zone of this name in its usual spelling, or undefined. */
export function findZone(name: string): string | undefined {
  return zoneOf(name)?.id;
}

function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return undefined;
  const library = temporal();
  let id: string;
  try {
    id = library.PlainDate.from('2000-01-01').toZonedDateTime(name).timeZoneId;
  } catch {
    // The library has no other way to ask.
    return undefined;
  }
  const zone = { id, byInstant: new Map(), byLocal: new Map() };
  if (zones.size >= KEPT_MAX) zones.clear();
  zones.set(name, zone);
  return zone;
}

/** Seconds east of UTC at an instant. `zone` was found before. */
export function offsetAtInstant(zone: string, epochSeconds: number): number {
  const { id, byInstant } = zoneOf(zone) as Zone;
  const known = byInstant.get(epochSeconds);
  if (known !== undefined) return known;
  const seconds = clampSeconds(epochSeconds);
  const offset =
    new (temporal().ZonedDateTime)(BigInt(seconds) * 1_000_000_000n, id).offsetNanoseconds / NANOS_PER_SECOND;
  return keep(byInstant, epochSeconds, offset);
}

/**
 * Seconds east of UTC at a local time. A time that occurs twice is the earlier one; a time that is skipped is taken with
 * the offset before the gap, so the clock moves on by its length.
 */
export function offsetAtLocal(zone: string, epochDay: number, nanos: number): number {
  const { id, byLocal } = zoneOf(zone) as Zone;
  const seconds = epochDay * SECONDS_PER_DAY + Math.floor(nanos / NANOS_PER_SECOND);
  const known = byLocal.get(seconds);
  if (known !== undefined) return known;
  const clamped = clampSeconds(seconds);
  const day = Math.floor(clamped / SECONDS_PER_DAY);
  const rest = clamped - day * SECONDS_PER_DAY;
  const local = new (temporal().PlainDateTime)(
    ...ymd(day),
    Math.floor(rest / 3600),
    Math.floor(rest / 60) % 60,
    rest % 60,
  );
  const instant = local.toZonedDateTime(id, { disambiguation: 'compatible' });
  const utc = Math.floor(Number(instant.epochMilliseconds) / 1000);
  // In a gap the library has moved the local time on; the difference to UTC is the offset before it.
  return keep(byLocal, seconds, clamped - utc);
}

/** Whether the local time exists in the zone with this offset: tells the two times of an overlap apart. */
export function holdsAtLocal(zone: string, epochDay: number, nanos: number, offset: number): boolean {
  const seconds = epochDay * SECONDS_PER_DAY + Math.floor(nanos / NANOS_PER_SECOND);
  return offsetAtInstant(zone, seconds - offset) === offset;
}

function ymd(epochDay: number): [number, number, number] {
  const { year, month, day } = civilOf(epochDay);
  return [year, month, day];
}

const YEAR_400_SECONDS = 146_097 * SECONDS_PER_DAY;

/** The calendar repeats every 400 years, so an instant too far away has the offset of one nearer. */
function clampSeconds(seconds: number): number {
  const limit = LIBRARY_YEAR_MAX * 365 * SECONDS_PER_DAY;
  if (Math.abs(seconds) <= limit) return seconds;
  const beyond = Math.ceil((Math.abs(seconds) - limit) / YEAR_400_SECONDS) * YEAR_400_SECONDS;
  return seconds < 0 ? seconds + beyond : seconds - beyond;
}

function keep(kept: Map<number, number>, key: number, offset: number): number {
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(key, offset);
  return offset;
}

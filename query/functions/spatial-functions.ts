/** Points in WGS-84 (longitude, latitude, height) and Cartesian space. */
import { float, Point } from '../../graph/value.ts';
import { runtimeError } from '../query-error.ts';
import { floatText, isNumeric, toDouble } from '../values/arithmetic.ts';
import { isMap, type RuntimeMap, type RuntimeValue } from '../values/runtime-value.ts';
import { badArgument, type ScalarFunction, scalar } from './function.ts';

const WGS_84 = 4326;
const WGS_84_3D = 4979;
const CARTESIAN = 7203;
const CARTESIAN_3D = 9157;
const NAMES: Readonly<Record<number, string>> = {
  [WGS_84]: 'wgs-84',
  [WGS_84_3D]: 'wgs-84-3d',
  [CARTESIAN]: 'cartesian',
  [CARTESIAN_3D]: 'cartesian-3d',
};
/** Metres: at the equator, as Neo4j takes it, so that distances are the same. */
const EARTH_RADIUS = 6_378_140;

function fail(message: string): Error {
  return runtimeError('ArgumentError', 'InvalidArgumentValue', message);
}

function coordinate(map: RuntimeMap, ...names: readonly string[]): number | null | undefined {
  for (const name of names) {
    if (!Object.hasOwn(map, name)) continue;
    const value = map[name] as RuntimeValue;
    if (value === null) return null;
    if (!isNumeric(value)) throw fail(`point(): \`${name}\` must be a number`);
    return toDouble(value);
  }
  return undefined;
}

function point(map: RuntimeMap): RuntimeValue {
  const geographic = Object.hasOwn(map, 'latitude') || Object.hasOwn(map, 'longitude');
  const x = coordinate(map, 'longitude', 'x');
  const y = coordinate(map, 'latitude', 'y');
  const z = coordinate(map, 'height', 'z');
  if (x === null || y === null || z === null) return null;
  if (x === undefined || y === undefined) throw fail('point() needs `x` and `y`, or `longitude` and `latitude`');
  const srid = system(map, z !== undefined, geographic);
  const earth = srid === WGS_84 || srid === WGS_84_3D;
  if (!Number.isFinite(x) || !Number.isFinite(y) || (z !== undefined && !Number.isFinite(z))) {
    throw fail('point(): coordinates must be finite');
  }
  if (earth && (y < -90 || y > 90)) throw fail('point(): `latitude` lies between -90 and 90');
  const longitude = earth && (x < -180 || x > 180) ? ((((x + 180) % 360) + 360) % 360) - 180 : x;
  return new Point(srid, z === undefined ? [longitude, y] : [longitude, y, z]);
}

function system(map: RuntimeMap, threeD: boolean, geographic: boolean): number {
  const given = Object.hasOwn(map, 'srid') ? map.srid : undefined;
  const name = Object.hasOwn(map, 'crs') ? map.crs : undefined;
  let srid = geographic ? (threeD ? WGS_84_3D : WGS_84) : threeD ? CARTESIAN_3D : CARTESIAN;
  if (given !== undefined && given !== null) srid = Number(given);
  else if (typeof name === 'string') {
    srid = Number(Object.keys(NAMES).find((key) => NAMES[Number(key)] === name.toLowerCase()) ?? 0);
  }
  const needs = srid === WGS_84_3D || srid === CARTESIAN_3D;
  if (!(srid in NAMES) || needs !== threeD) throw fail('point(): no such reference system with as many coordinates');
  return srid;
}

/** Metres on the earth, else Euclidean; null for points of different systems. */
function distance(a: Point, b: Point): RuntimeValue {
  if (a.srid !== b.srid) return null;
  const [x1, y1, z1 = 0] = a.coordinates as [number, number, number?];
  const [x2, y2, z2 = 0] = b.coordinates as [number, number, number?];
  if (a.srid === CARTESIAN || a.srid === CARTESIAN_3D) return float(Math.hypot(x1 - x2, y1 - y2, z1 - z2));
  const rad = Math.PI / 180;
  const h =
    Math.sin(((y2 - y1) * rad) / 2) ** 2 +
    Math.cos(y1 * rad) * Math.cos(y2 * rad) * Math.sin(((x2 - x1) * rad) / 2) ** 2;
  const radius = EARTH_RADIUS + (z1 + z2) / 2;
  return float(Math.hypot(2 * radius * Math.asin(Math.min(1, Math.sqrt(h))), z1 - z2));
}

function pointArgument(name: string, value: RuntimeValue): Point {
  if (!(value instanceof Point)) throw badArgument(name, value, 'a Point');
  return value;
}

/** `point.x`, `point.latitude`, `point.srid` and the like; undefined if there is none of the name. */
export function pointProperty({ srid, coordinates }: Point, name: string): RuntimeValue | undefined {
  const earth = srid === WGS_84 || srid === WGS_84_3D;
  const at = (index: number) => (coordinates[index] === undefined ? undefined : float(coordinates[index]));
  switch (name) {
    case 'x':
      return at(0);
    case 'y':
      return at(1);
    case 'z':
      return at(2);
    case 'longitude':
      return earth ? at(0) : undefined;
    case 'latitude':
      return earth ? at(1) : undefined;
    case 'height':
      return earth ? at(2) : undefined;
    case 'srid':
      return srid;
    case 'crs':
      return NAMES[srid];
    default:
      return undefined;
  }
}

export function pointText({ srid, coordinates }: Point): string {
  const names = ['x', 'y', 'z'];
  const parts = coordinates.map((value, i) => `${names[i]}: ${floatText(value)}`);
  return `point({${parts.join(', ')}, crs: '${NAMES[srid]}'})`;
}

export const SPATIAL_FUNCTIONS: readonly ScalarFunction[] = [
  scalar('point', [1, 1], (_, map) => {
    if (!isMap(map)) throw badArgument('point', map, 'a Map');
    return point(map);
  }),
  ...['distance', 'point.distance'].map((name) =>
    scalar(name, [2, 2], (_, a, b) => (a instanceof Point && b instanceof Point ? distance(a, b) : null)),
  ),
  scalar('point.withinBBox', [3, 3], (_, value, lower, upper) => {
    const [at, low, high] = [value, lower, upper].map((each) => pointArgument('point.withinBBox', each)) as [
      Point,
      Point,
      Point,
    ];
    if (at.srid !== low.srid || at.srid !== high.srid) return null;
    return at.coordinates.every((x, i) => {
      const from = low.coordinates[i] as number;
      const to = high.coordinates[i] as number;
      // A box over the antimeridian has its lower longitude in the east.
      return i === 0 && at.srid === WGS_84 && from > to ? x >= from || x <= to : x >= from && x <= to;
    });
  }),
];

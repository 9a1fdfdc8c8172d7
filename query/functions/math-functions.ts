/** Numbers: rounding, roots and logarithms, trigonometry. Only `abs`, `sign` and `%` keep integers integers. */
import { Float, float } from '../../graph/value.ts';
import { runtimeError } from '../query-error.ts';
import { isNumeric, type Numeric, negate, toDouble } from '../values/arithmetic.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { badArgument, countArgument, type ScalarFunction, scalar } from './function.ts';

function numeric(name: string, value: RuntimeValue): Numeric {
  if (!isNumeric(value)) throw badArgument(name, value, 'a number');
  return value;
}

/** A function over doubles. */
function real(name: string, compute: (x: number) => number): ScalarFunction {
  return scalar(name, [1, 1], (_, x) => float(compute(toDouble(numeric(name, x)))));
}

function sign(value: Numeric): number {
  const size = value instanceof Float ? value.value : value;
  return size > 0 ? 1 : size < 0 ? -1 : 0;
}

type Rounding = 'UP' | 'DOWN' | 'CEILING' | 'FLOOR' | 'HALF_UP' | 'HALF_DOWN' | 'HALF_EVEN';

function roundTo(value: number, precision: number, mode: string): number {
  if (!Number.isFinite(value)) return value;
  if (precision < 0 || precision > 100)
    throw runtimeError('ArgumentError', 'NumberOutOfRange', 'round(): precision must be 0 to 100');
  // Scaled through decimal text: 1.005 * 100 is not 100.5 in binary.
  const scaled = precision === 0 ? value : Number(shifted(value, precision));
  if (!Number.isFinite(scaled)) return value;
  const rounded = ROUNDINGS[mode as Rounding];
  if (rounded === undefined)
    throw runtimeError('ArgumentError', 'InvalidArgumentValue', `round() knows no mode \`${mode}\``);
  const result = rounded(scaled);
  return precision === 0 ? result : Number(shifted(result, -precision));
}

function shifted(value: number, by: number): string {
  const [mantissa, exponent = '0'] = String(value).split('e') as [string, string?];
  return `${mantissa}e${Number(exponent) + by}`;
}

const ROUNDINGS: Readonly<Record<Rounding, (x: number) => number>> = {
  UP: (x) => (x < 0 ? Math.floor(x) : Math.ceil(x)),
  DOWN: Math.trunc,
  CEILING: Math.ceil,
  FLOOR: Math.floor,
  // Not by adding 0.5, whose sum is rounded itself.
  HALF_UP: (x) => Math.sign(x) * Math.round(Math.abs(x)),
  HALF_DOWN: (x) => Math.sign(x) * -Math.round(-Math.abs(x)),
  HALF_EVEN: (x) => {
    const floor = Math.floor(x);
    const rest = x - floor;
    if (rest !== 0.5) return Math.round(x);
    return floor % 2 === 0 ? floor : floor + 1;
  },
};

/** Ties go up, towards positive infinity, unless a mode is given. */
function round(value: Numeric, precision: RuntimeValue | undefined, mode: RuntimeValue | undefined): RuntimeValue {
  const x = toDouble(value);
  if (precision === undefined) return float(Math.round(x));
  const digits = countArgument('round', precision);
  if (mode === undefined) return float(digits === 0 ? Math.round(x) : roundTo(x, digits, 'HALF_UP'));
  return float(roundTo(x, digits, String(mode).toUpperCase()));
}

export const MATH_FUNCTIONS: readonly ScalarFunction[] = [
  scalar('abs', [1, 1], (_, x) => {
    const value = numeric('abs', x);
    if (sign(value) < 0) return negate(value);
    return value instanceof Float ? float(Math.abs(value.value)) : value;
  }),
  scalar('sign', [1, 1], (_, x) => sign(numeric('sign', x))),
  real('ceil', Math.ceil),
  real('ceiling', Math.ceil),
  real('floor', Math.floor),
  scalar('round', [1, 3], (_, x, precision, mode) => round(numeric('round', x), precision, mode)),
  real('sqrt', Math.sqrt),
  real('exp', Math.exp),
  real('log', Math.log),
  real('ln', Math.log),
  real('log10', Math.log10),
  real('sin', Math.sin),
  real('cos', Math.cos),
  real('tan', Math.tan),
  real('cot', (x) => 1 / Math.tan(x)),
  real('asin', Math.asin),
  real('acos', Math.acos),
  real('atan', Math.atan),
  real('sinh', Math.sinh),
  real('cosh', Math.cosh),
  real('tanh', Math.tanh),
  real('coth', (x) => 1 / Math.tanh(x)),
  real('degrees', (x) => (x * 180) / Math.PI),
  real('radians', (x) => (x * Math.PI) / 180),
  real('haversin', (x) => Math.sin(x / 2) ** 2),
  scalar('atan2', [2, 2], (_, y, x) => float(Math.atan2(toDouble(numeric('atan2', y)), toDouble(numeric('atan2', x))))),
  scalar('isNaN', [1, 1], (_, x) => Number.isNaN(toDouble(numeric('isNaN', x)))),
  scalar('pi', [0, 0], () => Math.PI),
  scalar('e', [0, 0], () => Math.E),
  scalar('rand', [0, 0], ({ random32 }) => float((random32() * 2 ** 21 + (random32() >>> 11)) / 2 ** 53), {
    pure: false,
  }),
];

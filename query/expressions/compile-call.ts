/** Calls of scalar functions. Strict ones give null as soon as an argument is null. */
import { BugError } from '../../base/assert.ts';
import type { ScalarFunction } from '../functions/function.ts';
import { findFunction } from '../functions/registry.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { Evaluate, ExpressionContext } from './evaluate.ts';

type Compile = (expression: BoundExpression, context: ExpressionContext) => Evaluate;

export function compileCall(
  expression: Extract<BoundExpression, { kind: 'call' }>,
  context: ExpressionContext,
  compile: Compile,
): Evaluate {
  const name = expression.name.toLowerCase();
  const direct = compileDirect(name, expression.arguments, context);
  if (direct !== undefined) return direct;
  const args = expression.arguments.map((argument) => compile(argument, context));
  if (name === 'coalesce') return coalesce(args);
  if (name === 'exists') {
    const [value] = args as [Evaluate];
    return (columns, row) => value(columns, row) !== null;
  }
  const called = findFunction(name);
  if (called === undefined) throw new BugError(`the planner let the function ${expression.name} pass`);
  return called.strict ? strictCall(called, args, context) : looseCall(called, args, context);
}

function coalesce(args: readonly Evaluate[]): Evaluate {
  return (columns, row) => {
    for (const argument of args) {
      const value = argument(columns, row);
      if (value !== null) return value;
    }
    return null;
  };
}

/** A missing optional argument is undefined, which functions test for. */
const MISSING = undefined as unknown as RuntimeValue;

function strictCall({ call }: ScalarFunction, args: readonly Evaluate[], { run }: ExpressionContext): Evaluate {
  const [first, second, third] = args;
  if (first === undefined) return () => call(run, MISSING, MISSING, MISSING);
  if (second === undefined) {
    return (columns, row) => {
      const a = first(columns, row);
      return a === null ? null : call(run, a, MISSING, MISSING);
    };
  }
  if (third === undefined) {
    return (columns, row) => {
      const a = first(columns, row);
      const b = second(columns, row);
      return a === null || b === null ? null : call(run, a, b, MISSING);
    };
  }
  return (columns, row) => {
    const values = args.map((argument) => argument(columns, row));
    if (values.includes(null)) return null;
    return call(run, ...(values as [RuntimeValue, RuntimeValue, RuntimeValue]));
  };
}

function looseCall({ call }: ScalarFunction, args: readonly Evaluate[], { run }: ExpressionContext): Evaluate {
  return (columns, row) => {
    const values = args.map((argument) => argument(columns, row));
    return call(run, ...(values as [RuntimeValue, RuntimeValue, RuntimeValue]));
  };
}

/** Functions of a node or relationship that stands in a slot of its kind, without an object for it. */
function compileDirect(
  name: string,
  args: readonly BoundExpression[],
  { run }: ExpressionContext,
): Evaluate | undefined {
  const [of] = args;
  if (args.length !== 1 || of?.kind !== 'slot' || of.slotKind === 'value') return undefined;
  const { slot, slotKind } = of;
  const at = (read: (ordinal: number) => RuntimeValue): Evaluate => {
    return (columns, row) => {
      const ordinal = (columns[slot] as Int32Array)[row] as number;
      return ordinal < 0 ? null : read(ordinal);
    };
  };
  if (name === 'id' || name === 'elementid') {
    return slotKind === 'node' ? at((node) => run.graph.nodeId(node)) : at((edge) => run.graph.edgeId(edge));
  }
  if (name === 'type' && slotKind === 'edge') return at((edge) => run.graph.type(edge));
  return undefined;
}

/** Cursors for operators that seek: what they seek is evaluated for the row at hand. */
import type { OrdinalCursor, RangeBound } from '../../graph/query-graph.ts';
import type { Value } from '../../graph/value.ts';
import { compile } from '../expressions/compile.ts';
import type { Evaluate, ExpressionContext } from '../expressions/evaluate.ts';
import type { OpenCursor } from '../operators/scan.ts';
import type { IndexSeek, SeekBound } from '../plan/operator.ts';
import { groupKey } from '../values/order.ts';
import { isList, type RuntimeValue, toStored } from '../values/runtime-value.ts';
import type { Columns } from './batch.ts';
import type { Run } from './run.ts';

export function seekNodes({ label, property, seek }: IndexSeek, context: ExpressionContext): OpenCursor {
  const { run } = context;
  switch (seek.kind) {
    case 'equal': {
      const value = compile(seek.value, context);
      return (columns, row) => {
        const wanted = storedKey(value(columns, row));
        return wanted === undefined ? undefined : run.graph.seekEqual(label, property, [wanted]);
      };
    }
    case 'in': {
      const list = compile(seek.list, context);
      return (columns, row) => {
        const items = list(columns, row);
        if (items === null || !isList(items)) return undefined;
        return run.graph.seekEqual(label, property, differentKeys(items));
      };
    }
    case 'prefix': {
      const prefix = compile(seek.prefix, context);
      return (columns, row) => {
        const text = prefix(columns, row);
        return typeof text === 'string' ? run.graph.seekPrefix(label, property, text) : undefined;
      };
    }
    case 'range': {
      const from = compileBound(seek.from, context);
      const to = compileBound(seek.to, context);
      return (columns, row) => {
        const low = from?.(columns, row);
        const high = to?.(columns, row);
        // A bound that is null is met by nothing.
        if (low === null || high === null) return undefined;
        return run.graph.seekRange(label, property, low, high);
      };
    }
  }
}

function compileBound(
  bound: SeekBound | undefined,
  context: ExpressionContext,
): ((columns: Columns, row: number) => RangeBound | null) | undefined {
  if (bound === undefined) return undefined;
  const { inclusive } = bound;
  const evaluate = compile(bound.value, context);
  return (columns, row) => {
    const value = storedKey(evaluate(columns, row));
    return value === undefined ? null : { value, inclusive };
  };
}

/** Undefined for what no property can equal. */
function storedKey(value: RuntimeValue): Value | undefined {
  if (value === null || (typeof value === 'number' && Number.isNaN(value))) return undefined;
  return toStored(value);
}

function differentKeys(items: readonly RuntimeValue[]): Value[] {
  const seen = new Set<unknown>();
  const keys: Value[] = [];
  for (const item of items) {
    const key = storedKey(item);
    if (key === undefined || seen.has(groupKey(item))) continue;
    seen.add(groupKey(item));
    keys.push(key);
  }
  return keys;
}

function textsOf(value: RuntimeValue): string[] {
  const items = isList(value) ? value : [value];
  return Array.from(new Set(items.filter((item) => typeof item === 'string')));
}

/** Looks ids up one after the other. */
function byId(ids: readonly string[], find: (id: string) => number): OrdinalCursor {
  let at = 0;
  return {
    next: (into, start, limit) => {
      let count = 0;
      while (at < ids.length && count < limit) {
        const found = find(ids[at] as string);
        at++;
        if (found >= 0) into[start + count++] = found;
      }
      return count;
    },
  };
}

export function nodesById(ids: Evaluate, run: Run): OpenCursor {
  return (columns, row) => byId(textsOf(ids(columns, row)), (id) => run.graph.findNode(id));
}

export function edgesById(ids: Evaluate, run: Run): OpenCursor {
  return (columns, row) => byId(textsOf(ids(columns, row)), (id) => run.graph.findEdge(id));
}

export function edgesOfTypes(types: readonly string[], run: Run): OpenCursor {
  return () => run.graph.scanEdges(types.length === 0 ? undefined : types);
}

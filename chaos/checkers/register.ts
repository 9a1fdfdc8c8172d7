/**
 * What a register does if operations come one after another: the meaning that linearizability is measured by. It holds a
 * text or a number, or is absent; each change gives it a version that nobody can foretell.
 */
import { assertNever } from '../../base/assert.ts';

/** Undefined: the register does not exist. */
export type RegisterValue = string | number | undefined;

/** `version`, `applied`, `existed`, `result` are answers, absent if they were not told. */
export type RegisterOperation = { readonly key: string } & (
  | { readonly kind: 'read'; readonly value: RegisterValue; readonly version?: string }
  | { readonly kind: 'write'; readonly value: string | number; readonly version?: string }
  /** Not `existed`: there was nothing to delete. */
  | { readonly kind: 'delete'; readonly existed?: boolean }
  | {
      readonly kind: 'compare-and-set';
      readonly expected: { readonly value: RegisterValue } | { readonly version: string };
      readonly value: string | number;
      /** False: refused, because the condition did not hold. Not said: applied. */
      readonly applied?: boolean;
      readonly version?: string;
    }
  | {
      readonly kind: 'increment';
      readonly by: number;
      /** The sum may not leave these bounds. An absent register counts as 0. */
      readonly min?: number;
      readonly max?: number;
      /** False: refused, because of the bounds. Not said: applied. */
      readonly applied?: boolean;
      readonly result?: number;
    }
);

export interface RegisterState {
  readonly value: RegisterValue;
  /** Undefined until an answer tells it. */
  readonly version: string | undefined;
}

export const ABSENT: RegisterState = { value: undefined, version: undefined };

/**
 * The state after the operation, or undefined if it cannot have been answered like this in `state`. An operation that
 * changes nothing gives `state` itself.
 */
export function step(state: RegisterState, operation: RegisterOperation): RegisterState | undefined {
  switch (operation.kind) {
    case 'read':
      return operation.value === state.value ? seen(state, operation.version) : undefined;
    case 'write':
      return { value: operation.value, version: operation.version };
    case 'delete': {
      const existed = state.value !== undefined;
      if (operation.existed !== undefined && operation.existed !== existed) return undefined;
      return existed ? ABSENT : state;
    }
    case 'compare-and-set': {
      const { applied, value, version } = operation;
      if (applied === false) return couldRefuse(state, operation.expected) ? state : undefined;
      return couldHold(state, operation.expected) ? { value, version } : undefined;
    }
    case 'increment':
      return incremented(state, operation);
    default:
      return assertNever(operation);
  }
}

type Expected = Extract<RegisterOperation, { kind: 'compare-and-set' }>['expected'];

function couldHold({ value, version }: RegisterState, expected: Expected): boolean {
  if ('value' in expected) return value === expected.value;
  return value !== undefined && (version === undefined || version === expected.version);
}

function couldRefuse({ value, version }: RegisterState, expected: Expected): boolean {
  if ('value' in expected) return value !== expected.value;
  return value === undefined || version === undefined || version !== expected.version;
}

/** An answer tells the version, which must not differ from one that is known. */
function seen(state: RegisterState, version: string | undefined): RegisterState | undefined {
  if (version === undefined || version === state.version) return state;
  return state.version === undefined && state.value !== undefined ? { ...state, version } : undefined;
}

function incremented(
  state: RegisterState,
  { by, min, max, applied, result }: Extract<RegisterOperation, { kind: 'increment' }>,
): RegisterState | undefined {
  if (typeof state.value === 'string') return undefined;
  const sum = (state.value ?? 0) + by;
  const isWithin = sum >= (min ?? Number.NEGATIVE_INFINITY) && sum <= (max ?? Number.POSITIVE_INFINITY);
  if (applied === false) return isWithin ? undefined : state;
  return isWithin && (result === undefined || result === sum) ? { value: sum, version: undefined } : undefined;
}

/** Whether it was answered that nothing was changed. */
export function changesNothing(operation: RegisterOperation): boolean {
  if (operation.kind === 'read') return true;
  if (operation.kind === 'delete') return operation.existed === false;
  return 'applied' in operation && operation.applied === false;
}

/** In words, without the key. */
export function describe(operation: RegisterOperation): string {
  const refused = (applied: boolean | undefined) => (applied === false ? ': refused' : '');
  switch (operation.kind) {
    case 'read':
      return `reads ${show(operation.value)}${at(operation.version)}`;
    case 'write':
      return `writes ${show(operation.value)}${at(operation.version)}`;
    case 'delete':
      return operation.existed === false ? 'deletes, but there is nothing' : 'deletes';
    case 'compare-and-set': {
      const { expected, value, applied, version } = operation;
      const condition = 'value' in expected ? show(expected.value) : `version ${expected.version}`;
      return `sets ${show(value)} if ${condition}${at(version)}${refused(applied)}`;
    }
    case 'increment': {
      const { by, min, max, applied, result } = operation;
      const bounds = min === undefined && max === undefined ? '' : ` within ${min ?? ''}..${max ?? ''}`;
      return `adds ${by}${bounds}${result === undefined ? '' : `, giving ${result}`}${refused(applied)}`;
    }
    default:
      return assertNever(operation);
  }
}

export function show(value: RegisterValue): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

function at(version: string | undefined): string {
  return version === undefined ? '' : ` (version ${version})`;
}

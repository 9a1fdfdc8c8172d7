/**
 * Operations and their results as JSON text, values as in patches: what a server asks the coordinator to decide, and what
 * the coordinator answers. Both ends are servers of one cluster; what a client sends was checked before.
 */
import { WeftError } from '../base/errors.ts';
import type { EdgeId, NodeId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { setOwn } from '../base/record.ts';
import type { Operation, OperationResult, PropertyChange, PropertyChanges } from '../graph/model.ts';
import type { Properties, Value } from '../graph/value.ts';
import { fromBase64, fromPlain, propertiesFromPlain, propertiesToPlain, toBase64, toPlain } from './value-codec.ts';

type Plain = Readonly<Record<string, unknown>>;
type PlainChange = { readonly kind: PropertyChange['kind'] } & {
  readonly [field in 'value' | 'text' | 'of' | 'update' | 'by' | 'min' | 'max' | 'add' | 'remove']?: unknown;
};

export function encodeOperations(operations: readonly Operation[]): string {
  return JSON.stringify(operations.map(operationToPlain));
}

function operationToPlain(operation: Operation): object {
  switch (operation.op) {
    case 'createNode':
    case 'putNode':
    case 'createEdge':
    case 'putEdge':
      return { ...operation, properties: propertiesToPlain(operation.properties) };
    case 'patchNode':
    case 'patchEdge':
      if (operation.properties === undefined) return operation;
      return { ...operation, properties: changesToPlain(operation.properties) };
    case 'deleteNode':
    case 'deleteEdge':
      return operation;
  }
}

export function decodeOperations(text: string): Operation[] {
  return (JSON.parse(text) as (Plain & { op: Operation['op']; properties?: Plain })[]).map((plain) => {
    const { properties } = plain;
    if (properties === undefined) return plain as unknown as Operation;
    const isPatch = plain.op === 'patchNode' || plain.op === 'patchEdge';
    const decoded = isPatch ? changesFromPlain(properties) : propertiesFromPlain(properties);
    return { ...plain, properties: decoded } as unknown as Operation;
  });
}

function changesToPlain(changes: PropertyChanges): Plain {
  const plain: Record<string, unknown> = {};
  for (const name of Object.keys(changes)) setOwn(plain, name, changeToPlain(changes[name] as PropertyChange));
  return plain;
}

function changeToPlain(change: PropertyChange): unknown {
  switch (change.kind) {
    case 'set':
      return { kind: 'set', value: toPlain(change.value) };
    case 'remove':
    case 'text':
      return change;
    case 'typed':
      return { ...change, update: toBase64(change.update) };
    case 'increment': {
      const { by, min, max } = change;
      return {
        kind: 'increment',
        by: toPlain(by),
        ...(min !== undefined && { min: toPlain(min) }),
        ...(max !== undefined && { max: toPlain(max) }),
      };
    }
    case 'members':
      return { kind: 'members', add: change.add.map(toPlain), remove: change.remove.map(toPlain) };
  }
}

function changesFromPlain(plain: Plain): PropertyChanges {
  const changes: Record<string, PropertyChange> = {};
  for (const name of Object.keys(plain)) setOwn(changes, name, changeFromPlain(plain[name] as PlainChange));
  return changes;
}

function changeFromPlain(plain: PlainChange): PropertyChange {
  const numberAt = (field: 'by' | 'min' | 'max') =>
    fromPlain(plain[field]) as Extract<PropertyChange, { kind: 'increment' }>['by'];
  switch (plain.kind) {
    case 'set':
      return { kind: 'set', value: fromPlain(plain.value) };
    case 'remove':
      return { kind: 'remove' };
    case 'text':
      return { kind: 'text', text: plain.text as string };
    case 'typed':
      return {
        kind: 'typed',
        of: plain.of as Extract<PropertyChange, { kind: 'typed' }>['of'],
        update: fromBase64(plain.update as string),
      };
    case 'increment':
      return {
        kind: 'increment',
        by: numberAt('by'),
        ...(plain.min !== undefined && { min: numberAt('min') }),
        ...(plain.max !== undefined && { max: numberAt('max') }),
      };
    case 'members': {
      const members = (field: 'add' | 'remove'): Value[] =>
        (plain[field] as unknown[]).map((member) => fromPlain(member));
      return { kind: 'members', add: members('add'), remove: members('remove') };
    }
  }
}

/** @throws WeftError `payload-too-large` beyond `LIMITS.resultsCharsMax`, definite */
export function encodeResults(results: readonly OperationResult[]): string {
  const texts: string[] = [];
  let chars = 0;
  for (const result of results) {
    const text = JSON.stringify(resultToPlain(result));
    chars += text.length;
    if (chars > LIMITS.resultsCharsMax) throw tooLargeToKeep();
    texts.push(text);
  }
  return `[${texts.join()}]`;
}

function resultToPlain({ element, ...result }: OperationResult): object {
  if (element === undefined) return result;
  return { ...result, element: { ...element, properties: propertiesToPlain(element.properties) } };
}

function tooLargeToKeep(): WeftError {
  const limit = LIMITS.resultsCharsMax;
  const detail = `the answer takes more than ${limit} characters, as many as can be kept: write to fewer elements at once`;
  return new WeftError('payload-too-large', detail, { limit });
}

export function decodeResults(text: string): OperationResult[] {
  return (JSON.parse(text) as (Omit<OperationResult, 'element'> & { element?: { properties: Plain } })[]).map(
    ({ element, ...result }) => {
      if (element === undefined) return result;
      const properties: Properties = propertiesFromPlain(element.properties);
      const decoded = { ...element, properties } as unknown as NonNullable<OperationResult['element']>;
      return { ...result, id: result.id as NodeId | EdgeId, element: decoded };
    },
  );
}

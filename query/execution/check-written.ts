/**
 * What a statement writes is bound as the bodies of other requests are: names that could not be read back, and more of them than
 * an element may be given at once, are refused before anything is committed. What it takes away may be of any form.
 */
import { WeftError } from '../../base/errors.ts';
import { checkName, type NameUse } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Operation, PropertyChanges } from '../../graph/model.ts';

/** @throws WeftError `invalid-name`, `payload-too-large`; definite */
export function checkWritten(operations: readonly Operation[]): void {
  for (const operation of operations) {
    switch (operation.op) {
      case 'createEdge':
        checkName('edge type', operation.type);
        checkNames('property name', Object.keys(operation.properties), LIMITS.propertiesMax);
        break;
      case 'createNode':
        checkNames('label', operation.labels, LIMITS.labelsMax);
        checkNames('property name', Object.keys(operation.properties), LIMITS.propertiesMax);
        break;
      case 'patchNode':
        if (operation.labels?.kind === 'change') checkNames('label', operation.labels.add, LIMITS.labelsMax);
        checkNames('property name', namesSet(operation.properties), LIMITS.propertiesMax);
        break;
      case 'patchEdge':
        checkNames('property name', namesSet(operation.properties), LIMITS.propertiesMax);
    }
  }
}

function namesSet(changes: PropertyChanges = {}): readonly string[] {
  return Object.keys(changes).filter((name) => changes[name]?.kind === 'set');
}

function checkNames(use: NameUse, names: readonly string[], max: number): void {
  if (names.length > max) {
    throw new WeftError(
      'payload-too-large',
      `one element is given ${names.length} times a ${use}; at most ${max} fit`,
      {
        limit: max,
      },
    );
  }
  for (const name of names) checkName(use, name);
}

/** What a draft needs to know of an element: its registers, or, for one with a single create, what that says. */
import type { ReplicaId } from '../base/ids.ts';
import { getOwn } from '../base/record.ts';
import type { Properties, Value } from '../graph/value.ts';
import type { RunningTotal, SeenTotals } from './patch.ts';
import type { Registers } from './registers.ts';

export type ElementState = Pick<
  Registers,
  | 'exists'
  | 'labels'
  | 'properties'
  | 'property'
  | 'text'
  | 'textNames'
  | 'totalsSeen'
  | 'ownTotal'
  | 'assignedLabels'
  | 'assignedProperties'
>;

/** An element with a single create. */
export class PlainState implements ElementState {
  readonly exists = true;
  readonly #labels: readonly string[];
  readonly #properties: Properties;

  constructor(labels: readonly string[], properties: Properties) {
    this.#labels = labels;
    this.#properties = properties;
  }

  labels(_restored?: boolean): readonly string[] {
    return this.#labels;
  }

  properties(_restored?: boolean): Properties {
    return this.#properties;
  }

  property(name: string): Value | undefined {
    return getOwn(this.#properties, name);
  }

  text(_name: string, _restored?: boolean): undefined {
    return undefined;
  }

  textNames(_restored?: boolean): undefined {
    return undefined;
  }

  totalsSeen(_name: string): SeenTotals | undefined {
    return undefined;
  }

  ownTotal(_name: string, _writer: ReplicaId): RunningTotal | undefined {
    return undefined;
  }

  assignedLabels(): string[] {
    return Array.from(this.#labels);
  }

  assignedProperties(): string[] {
    return Object.keys(this.#properties);
  }
}

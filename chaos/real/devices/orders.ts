/** What a run tells a device's process to do, and what it answers. */

/** Where devices write. */
export const SCOPE = 'devices!';
export const SET = `${SCOPE}set`;
export const COUNTER = `${SCOPE}counter`;
/** A label whose keys are unique, of which devices know nothing: no server gives a key to a node with an id of their choice. */
export const CLAIM = 'DeviceClaim';

export type Order =
  | { readonly do: 'add'; readonly member: string }
  | { readonly do: 'increment'; readonly by: number }
  /** Adds the member, and makes a node that servers must refuse. */
  | { readonly do: 'claim'; readonly member: string; readonly node: string }
  /** Adds the member, and changes that node. */
  | { readonly do: 'rest'; readonly member: string; readonly node: string }
  | { readonly do: 'connect' }
  | { readonly do: 'disconnect' }
  | { readonly do: 'tell' };

export interface Shown {
  readonly state: string;
  /** Batches that no server has yet. */
  readonly pending: number;
  /** Of each batch that was refused the member that it added, or what else it did. */
  readonly refused: readonly string[];
  /** Undefined before the node of the set has come. */
  readonly members: readonly string[] | undefined;
}

export interface Numbered {
  readonly number: number;
  readonly order: Order;
}

export type Answer =
  | { readonly number: number; readonly shown: Shown }
  | { readonly number: number; readonly code: string };

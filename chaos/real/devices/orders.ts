/** What a run tells a device's process to do, and what it answers. */

/** Where devices write. */
export const SCOPE = 'devices!';
export const SET = `${SCOPE}set`;
export const COUNTER = `${SCOPE}counter`;

export type Order =
  | { readonly do: 'add'; readonly member: string }
  | { readonly do: 'increment'; readonly by: number }
  | { readonly do: 'connect' }
  | { readonly do: 'disconnect' }
  | { readonly do: 'tell' };

export interface Shown {
  readonly state: string;
  /** Batches that no server has yet. */
  readonly pending: number;
  readonly refused: number;
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

/** What the page and the worker that lays out its picture say to each other. Types only. */

export type ToLayout =
  | {
      readonly kind: 'begin';
      /** Ten numbers a node and three an edge, as `graphology-layout-forceatlas2` wants them. */
      readonly nodes: Float32Array<ArrayBuffer>;
      readonly edges: Float32Array<ArrayBuffer>;
      readonly settings: object;
      readonly rounds: number;
      /** Returned with each answer, so that answers to an earlier beginning are known. */
      readonly run: number;
    }
  /** The page has drawn what it got last, and wants more. */
  | { readonly kind: 'more'; readonly run: number }
  | { readonly kind: 'stop' };

export interface FromLayout {
  readonly run: number;
  /** x and y of each node, in the order in which they came. */
  readonly places: Float32Array<ArrayBuffer>;
  readonly roundsLeft: number;
}

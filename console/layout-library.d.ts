/** The parts of graphology-layout-forceatlas2 of which it ships no types. */
declare module 'graphology-layout-forceatlas2/iterate.js' {
  /** One round; places in `nodes` are changed. */
  export default function iterate(settings: object, nodes: Float32Array, edges: Float32Array): void;
}
declare module 'graphology-layout-forceatlas2/defaults.js' {
  const defaults: object;
  export default defaults;
}
declare module 'graphology-layout-forceatlas2/helpers.js' {
  export function graphToByteArrays(
    graph: import('graphology').MultiDirectedGraph,
    weightOf: () => number,
  ): { readonly nodes: Float32Array<ArrayBuffer>; readonly edges: Float32Array<ArrayBuffer> };
}

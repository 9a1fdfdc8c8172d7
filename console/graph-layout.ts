/** Lays out the graph of a picture in a worker, and moves its nodes as the worker gets on. */
import type { MultiDirectedGraph } from 'graphology';
import forceAtlas2 from 'graphology-layout-forceatlas2';
import { graphToByteArrays } from 'graphology-layout-forceatlas2/helpers.js';
import type { FromLayout, ToLayout } from './layout-messages.ts';

/** Nodes beyond which forces are approximated by regions. */
const EXACT_MAX = 400;

export class GraphLayout {
  readonly #graph: MultiDirectedGraph;
  readonly #onMoved: () => void;
  readonly #worker = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
  /** Attributes of the nodes, in the order in which the worker knows them. */
  #nodes: readonly { x?: number; y?: number }[] = [];
  #run = 0;
  #roundsLeft = 0;
  #frame = 0;

  /** @param onMoved hears each time that nodes were moved, of which the graph tells nobody, and when the layout begins and ends */
  constructor(graph: MultiDirectedGraph, onMoved: () => void) {
    this.#graph = graph;
    this.#onMoved = onMoved;
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromLayout>) => this.#take(data));
  }

  get roundsLeft(): number {
    return this.#roundsLeft;
  }

  /** From where the nodes are now. Ends what went on. */
  begin(rounds: number): void {
    this.stop();
    if (this.#graph.order < 2) return;
    const { nodes, edges } = graphToByteArrays(this.#graph, () => 1);
    const settings = {
      ...forceAtlas2.inferSettings(this.#graph),
      adjustSizes: false,
      strongGravityMode: false,
      // Groups that hang together lie together.
      linLogMode: true,
      gravity: 0.6,
      scalingRatio: 3,
      slowDown: 3,
      barnesHutOptimize: this.#graph.order > EXACT_MAX,
    };
    this.#nodes = this.#graph.mapNodes((_, attributes) => attributes);
    this.#roundsLeft = rounds;
    this.#onMoved();
    this.#say({ kind: 'begin', nodes, edges, settings, rounds, run: this.#run }, [nodes.buffer, edges.buffer]);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#run++;
    if (this.#roundsLeft > 0) this.#say({ kind: 'stop' });
    this.#roundsLeft = 0;
    this.#onMoved();
  }

  close(): void {
    this.stop();
    this.#worker.terminate();
  }

  #take({ run, places, roundsLeft }: FromLayout): void {
    if (run !== this.#run) return;
    this.#roundsLeft = roundsLeft;
    this.#nodes.forEach((node, i) => {
      node.x = places[2 * i] as number;
      node.y = places[2 * i + 1] as number;
    });
    this.#onMoved();
    // Asked for once this is drawn, so that a slow machine draws less often rather than ever later.
    this.#frame = requestAnimationFrame(() => {
      if (roundsLeft > 0) this.#say({ kind: 'more', run });
    });
  }

  #say(message: ToLayout, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, { transfer });
  }
}

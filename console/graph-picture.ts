/**
 * The picture of a graph, drawn with WebGL, so that thousands of elements can be dragged and zoomed. The layout is a force
 * simulation in a worker, until it has come to rest; what is added later starts beside what it hangs on.
 */
import { EdgeCurvedArrowProgram, indexParallelEdgesIndex } from '@sigma/edge-curve';
import { MultiDirectedGraph } from 'graphology';
import { Sigma } from 'sigma';
import { EdgeArrowProgram, EdgeLineProgram } from 'sigma/rendering';
import type { EdgeDisplayData, NodeDisplayData, PartialButFor } from 'sigma/types';
import type { ResultNode, ResultRelationship } from '../client/result-rows.ts';
import { GraphLayout } from './graph-layout.ts';
import type { LabelStyles } from './label-styles.ts';
import { LoopLayer, type LoopLook } from './loop-layer.ts';
import { onThemeChange, themeColour } from './theme.ts';
import type { Elements } from './value-text.ts';

const ROUNDS_MAX = 400;
const ROUNDS_TO_SETTLE = 120;
const CURVATURE = 0.2;
/** Up to so many edges all have their names; beyond, those of the node under the pointer. */
const NAMED_EDGES_MAX = 40;
/** Beyond so many nodes they are drawn smaller, the more the smaller: discs that cover each other show no graph. */
const LARGE_NODES_MAX = 300;
/** Beyond so many edges arrow heads and edges under the pointer cost more than they show: lines, and nodes to select. */
const DETAILED_EDGES_MAX = 3000;

export interface PictureEvents {
  readonly selectNode: (id: string) => void;
  readonly selectEdge: (id: string) => void;
  readonly selectNothing: () => void;
  readonly expand: (id: string) => void;
}

type EdgeLook = Partial<EdgeDisplayData> & { readonly size: number; readonly color: string };

export class GraphPicture {
  readonly #graph = new MultiDirectedGraph();
  readonly #sigma: Sigma;
  readonly #loops: LoopLayer;
  readonly #layout: GraphLayout;
  readonly #styles: LabelStyles;
  readonly #endTheme: () => void;
  readonly nodes = new Map<string, ResultNode>();
  readonly edges = new Map<string, ResultRelationship>();
  #hovered: string | undefined;
  #selected: string | undefined;
  #colours = coloursOfTheme();

  /** @throws Error where there is no WebGL */
  constructor(container: HTMLElement, styles: LabelStyles, events: PictureEvents) {
    this.#styles = styles;
    this.#sigma = new Sigma(this.#graph, container, {
      allowInvalidContainer: true,
      defaultEdgeType: 'arrow',
      edgeProgramClasses: { arrow: EdgeArrowProgram, curved: EdgeCurvedArrowProgram, line: EdgeLineProgram },
      enableEdgeEvents: true,
      renderEdgeLabels: true,
      labelFont: 'system-ui, sans-serif',
      labelSize: 12,
      labelWeight: '500',
      edgeLabelSize: 10,
      edgeLabelFont: 'system-ui, sans-serif',
      labelDensity: 0.9,
      labelGridCellSize: 70,
      labelRenderedSizeThreshold: 5,
      zIndex: true,
      minCameraRatio: 0.03,
      maxCameraRatio: 6,
      stagePadding: 46,
      nodeReducer: (id, node) => this.#drawNode(id, node),
      edgeReducer: (id, edge) => this.#drawEdge(id, edge),
      defaultDrawNodeHover: (context, node, settings) => drawHover(context, node, settings.labelFont, this.#colours),
    });
    // Seen by whoever looks at the page from outside.
    this.#layout = new GraphLayout(this.#graph, () => {
      container.dataset.resting = String(this.#layout.roundsLeft === 0);
      // How nodes and edges look is as it was: only their places are read anew.
      this.#sigma.refresh({ partialGraph: {}, schedule: true });
    });
    this.#loops = new LoopLayer(this.#sigma, (id) => this.#lookOfLoop(id));
    this.#applyTheme();
    this.#endTheme = onThemeChange(() => {
      this.#colours = coloursOfTheme();
      this.#applyTheme();
    });
    this.#listen(events);
  }

  /** Draws these, and nothing else. */
  show({ nodes, edges }: Elements): void {
    this.#graph.clear();
    this.nodes.clear();
    this.edges.clear();
    this.#selected = undefined;
    this.#put({ nodes, edges }, undefined);
    this.#layout.begin(ROUNDS_MAX);
    this.fit();
  }

  /** Draws these too. Edges of which an end is not drawn are left out. @returns how many nodes are new */
  add(elements: Elements, beside?: string): number {
    const roundsLeft = this.#layout.roundsLeft;
    const fresh = this.#put(elements, beside);
    this.#layout.begin(Math.max(roundsLeft, ROUNDS_TO_SETTLE));
    return fresh;
  }

  #put({ nodes, edges }: Elements, beside: string | undefined): number {
    const before = this.nodes.size;
    const around =
      beside !== undefined && this.#graph.hasNode(beside) ? this.#graph.getNodeAttributes(beside) : { x: 0, y: 0 };
    for (const [id, node] of nodes) {
      const isNew = !this.nodes.has(id);
      this.nodes.set(id, node);
      if (!isNew) continue;
      // A sunflower: even, and the same every time.
      const i = this.nodes.size;
      const [turn, reach] = [
        i * 2.399963,
        Math.sqrt(beside === undefined ? i : i - before) * (beside === undefined ? 10 : 4),
      ];
      this.#graph.addNode(id, { x: around.x + Math.cos(turn) * reach, y: around.y + Math.sin(turn) * reach });
    }
    for (const [id, edge] of edges) {
      if (this.edges.has(id) || !this.nodes.has(edge.from) || !this.nodes.has(edge.to)) continue;
      this.edges.set(id, edge);
      this.#graph.addDirectedEdgeWithKey(id, edge.from, edge.to, { label: edge.type });
    }
    this.#styles.see(this.nodes.values());
    this.#curveParallels();
    this.#showLoops();
    this.#sigma.setSetting('enableEdgeEvents', this.#isDetailed);
    return this.nodes.size - before;
  }

  remove(id: string): void {
    if (!this.nodes.delete(id)) return;
    for (const edge of this.#graph.edges(id)) this.edges.delete(edge);
    this.#graph.dropNode(id);
    this.#showLoops();
    if (this.#selected === id) this.#selected = undefined;
  }

  select(id: string | undefined): void {
    this.#selected = id;
    this.#sigma.refresh({ skipIndexation: true });
  }

  /** Moves the picture so that the node lies in its middle. */
  centre(id: string): void {
    const at = this.#sigma.getNodeDisplayData(id);
    if (at !== undefined) void this.#sigma.getCamera().animate({ x: at.x, y: at.y, ratio: 0.4 }, { duration: 250 });
  }

  restyle(): void {
    this.#styles.see(this.nodes.values());
    this.#sigma.refresh();
  }

  zoom(factor: number): void {
    const camera = this.#sigma.getCamera();
    void camera.animate({ ratio: camera.ratio * factor }, { duration: 150 });
  }

  fit(): void {
    void this.#sigma.getCamera().animatedReset({ duration: 200 });
  }

  close(): void {
    this.#layout.close();
    this.#endTheme();
    this.#sigma.kill();
  }

  get #scale(): number {
    return Math.min(1, Math.sqrt(LARGE_NODES_MAX / this.nodes.size));
  }

  /** Two hexadecimal digits: where many edges cross each other the nodes must still be seen. */
  get #edgeAlpha(): string {
    return this.#isDetailed ? 'ff' : '50';
  }

  get #isDetailed(): boolean {
    return this.edges.size <= DETAILED_EDGES_MAX;
  }

  #showLoops(): void {
    const loops = [...this.edges.values()].filter(({ from, to }) => from === to);
    this.#loops.show(loops.map(({ id, from }) => [id, from]));
  }

  /** Edges between the same two nodes would lie on each other. */
  #curveParallels(): void {
    const isDetailed = this.#isDetailed;
    if (isDetailed) indexParallelEdgesIndex(this.#graph);
    const curve = (_: string, { parallelIndex, ...edge }: { readonly [attribute: string]: unknown }) => {
      const isCurved = isDetailed && typeof parallelIndex === 'number' && parallelIndex !== 0;
      return {
        ...edge,
        type: !isDetailed ? 'line' : isCurved ? 'curved' : 'arrow',
        ...(isCurved && { curvature: CURVATURE * parallelIndex }),
      };
    };
    // The hint says that edges are to be indexed anew, which sigma does not do otherwise.
    this.#graph.updateEachEdgeAttributes(curve, { attributes: ['type'] });
  }

  #drawNode(id: string, at: object): Partial<NodeDisplayData> {
    const node = this.nodes.get(id);
    if (node === undefined) return at;
    const { colour, size } = this.#styles.of(this.#styles.labelOf(node));
    const focus = this.#hovered ?? this.#selected;
    const isFar =
      focus !== undefined && focus !== id && this.#graph.hasNode(focus) && !this.#graph.areNeighbors(id, focus);
    return {
      ...at,
      color: isFar ? this.#colours.far : colour,
      // What much hangs on is larger.
      size:
        this.#scale * (size * (id === this.#selected ? 1.3 : 0.75) + Math.min(7, Math.sqrt(this.#graph.degree(id)))),
      label: isFar ? '' : this.#styles.captionOf(node),
      highlighted: id === this.#selected,
      zIndex: isFar ? 0 : 1,
    };
  }

  #drawEdge(id: string, edge: Partial<EdgeDisplayData>): EdgeLook {
    const focus = this.#hovered ?? this.#selected;
    const isNear = focus === undefined || !this.#graph.hasNode(focus) || this.#graph.hasExtremity(id, focus);
    const isFocused = id === this.#selected || (focus !== undefined && isNear && this.#graph.hasNode(focus));
    return {
      ...edge,
      size: isFocused ? 2.2 : 1.4,
      color: isFocused ? this.#colours.accent : isNear ? `${this.#colours.edge}${this.#edgeAlpha}` : this.#colours.far,
      // Names on all of many edges would cover the picture.
      ...(!isFocused && this.edges.size > NAMED_EDGES_MAX && { label: '' }),
      forceLabel: isFocused,
    };
  }

  #lookOfLoop(id: string): LoopLook {
    const { size, color, label } = this.#drawEdge(id, { label: this.edges.get(id)?.type ?? '' });
    return { width: size, colour: color, textColour: this.#colours.muted, label: label ?? '' };
  }

  #applyTheme(): void {
    this.#sigma.setSetting('labelColor', { color: this.#colours.text });
    this.#sigma.setSetting('edgeLabelColor', { color: this.#colours.muted });
    this.#sigma.refresh();
  }

  #listen(events: PictureEvents): void {
    const sigma = this.#sigma;
    let dragged: string | undefined;
    let isMoved = false;
    const hover = (id: string | undefined) => {
      if (dragged !== undefined || this.#hovered === id) return;
      this.#hovered = id;
      sigma.refresh({ skipIndexation: true });
    };
    sigma.on('enterNode', ({ node }) => hover(node));
    sigma.on('leaveNode', () => hover(undefined));
    sigma.on('clickNode', ({ node }) => events.selectNode(node));
    sigma.on('clickEdge', ({ edge }) => events.selectEdge(edge));
    sigma.on('clickStage', ({ event }) => {
      const loop = this.#loops.at(event.x, event.y);
      if (loop === undefined) events.selectNothing();
      else events.selectEdge(loop);
    });
    sigma.on('doubleClickNode', ({ node, preventSigmaDefault }) => {
      preventSigmaDefault();
      events.expand(node);
    });
    sigma.on('downNode', ({ node }) => {
      dragged = node;
      isMoved = false;
    });
    sigma.on('moveBody', ({ event, preventSigmaDefault }) => {
      if (dragged === undefined || !this.#graph.hasNode(dragged)) return;
      // The layout would pull it back.
      if (!isMoved) this.#layout.stop();
      isMoved = true;
      if (sigma.getCustomBBox() === null) sigma.setCustomBBox(sigma.getBBox());
      this.#graph.mergeNodeAttributes(dragged, sigma.viewportToGraph(event));
      preventSigmaDefault();
    });
    const drop = () => {
      dragged = undefined;
      sigma.setCustomBBox(null);
    };
    sigma.on('upNode', drop);
    sigma.on('upStage', drop);
  }
}

interface Colours {
  readonly text: string;
  readonly muted: string;
  readonly edge: string;
  readonly accent: string;
  readonly far: string;
  readonly raised: string;
}

function coloursOfTheme(): Colours {
  return {
    text: themeColour('--text'),
    muted: themeColour('--muted'),
    edge: themeColour('--edge'),
    accent: themeColour('--accent'),
    far: themeColour('--line'),
    raised: themeColour('--raised'),
  };
}

/** A ring around the node, and its name on a plate; the library's own plate is white. */
function drawHover(
  context: CanvasRenderingContext2D,
  { x, y, size, label, color }: PartialButFor<NodeDisplayData, 'x' | 'y' | 'size' | 'label' | 'color'>,
  font: string,
  colours: Colours,
): void {
  context.beginPath();
  context.arc(x, y, size + 4, 0, Math.PI * 2);
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.stroke();
  context.beginPath();
  context.arc(x, y, size, 0, Math.PI * 2);
  context.fillStyle = color;
  context.fill();
  if (label === null || label === '') return;
  context.font = `600 12px ${font}`;
  const width = context.measureText(label).width;
  context.beginPath();
  context.roundRect(x + size + 7, y - 11, width + 14, 22, 6);
  context.fillStyle = colours.raised;
  context.fill();
  context.fillStyle = colours.text;
  context.fillText(label, x + size + 14, y + 4);
}

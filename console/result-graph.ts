/** The picture of a result with what belongs to it: a legend that styles labels, a search, zoom, and what is selected. */
import type { ResultNode, ResultRelationship } from '../client/result-rows.ts';
import { button, element, replace } from './element.ts';
import { GraphPicture } from './graph-picture.ts';
import { LabelStyles } from './label-styles.ts';
import type { App } from './page.ts';
import { messageOf } from './problem-view.ts';
import { elementLink } from './result-table.ts';
import { type Elements, shortText } from './value-text.ts';

/** Of one node, drawn at once. */
const NEIGHBOURS_MAX = 200;
const SIZE_MAX = 24;

export class ResultGraph {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #styles = new LabelStyles();
  readonly #canvas = element('div', { class: 'picture', role: 'img', 'aria-label': 'Picture of the graph' });
  readonly #legend = element('div', { class: 'legend' });
  readonly #inspector = element('aside', { class: 'inspector hidden', 'aria-label': 'Selected element', tabindex: 0 });
  readonly #names = element('datalist', { id: 'picture-nodes' });
  #picture: GraphPicture | undefined;

  constructor(app: App) {
    this.#app = app;
    const find = element('input', {
      type: 'search',
      list: 'picture-nodes',
      placeholder: 'Find a node',
      'aria-label': 'Find a node in the picture',
      on: { change: () => this.#find(find.value) },
    });
    const tools = element(
      'div',
      { class: 'picture-tools' },
      find,
      this.#names,
      button('+', () => this.#picture?.zoom(0.7), { 'aria-label': 'Zoom in', title: 'Zoom in' }),
      button('−', () => this.#picture?.zoom(1.4), { 'aria-label': 'Zoom out', title: 'Zoom out' }),
      button('Fit', () => this.#picture?.fit()),
    );
    const stage = element('div', { class: 'picture-stage' }, this.#canvas, this.#legend, tools);
    this.element = element('div', { class: 'result-graph' }, stage, this.#inspector);
  }

  /** Called once the element is part of the page: the picture takes the size of its place. */
  show(elements: Elements): void {
    try {
      this.#picture ??= new GraphPicture(this.#canvas, this.#styles, {
        selectNode: (id) => this.#selectNode(id),
        selectEdge: (id) => this.#selectEdge(id),
        selectNothing: () => this.#select(undefined),
        expand: (id) => void this.expand(id),
      });
    } catch (error) {
      const why = `This browser draws no picture (${messageOf(error)}). Table and JSON show the same.`;
      replace(this.#canvas, element('p', { class: 'muted pad' }, why));
      return;
    }
    this.#picture.show(elements);
    this.#select(undefined);
    this.#drawLegend();
  }

  /** Draws the neighbours of a node too. */
  async expand(id: string): Promise<void> {
    const picture = this.#picture;
    if (picture === undefined) return;
    const { graph } = this.#app;
    const [nodes, edges] = [new Map<string, ResultNode>(), new Map<string, ResultRelationship>()];
    try {
      for await (const { id: nodeId, labels, properties } of graph.neighbors(
        id,
        { direction: 'both' },
        { pageItems: NEIGHBOURS_MAX },
      )) {
        nodes.set(nodeId, { id: nodeId, labels, properties });
        if (nodes.size >= NEIGHBOURS_MAX) break;
      }
      let left = NEIGHBOURS_MAX * 5;
      for await (const edge of graph.edgesOf(id, { direction: 'both' }, { pageItems: NEIGHBOURS_MAX })) {
        edges.set(edge.id, edge);
        if (--left === 0) break;
      }
    } catch (error) {
      this.#app.announce(messageOf(error), 'failed');
      return;
    }
    const fresh = picture.add({ nodes, edges }, id);
    this.#app.announce(fresh === 0 ? 'All of its neighbours are drawn.' : `${countOf(fresh, 'more node')}.`);
    this.#drawLegend();
  }

  close(): void {
    this.#picture?.close();
    this.#picture = undefined;
  }

  #find(text: string): void {
    const picture = this.#picture;
    if (picture === undefined || text === '') return;
    for (const node of picture.nodes.values()) {
      if (node.id !== text && this.#styles.captionOf(node) !== text) continue;
      picture.centre(node.id);
      this.#selectNode(node.id);
      return;
    }
  }

  #select(id: string | undefined, content: HTMLElement[] = []): void {
    this.#picture?.select(id);
    this.#inspector.classList.toggle('hidden', id === undefined);
    replace(this.#inspector, content);
  }

  #selectNode(id: string): void {
    const node = this.#picture?.nodes.get(id);
    if (node === undefined) return;
    this.#select(id, [
      element('h2', {}, this.#styles.captionOf(node)),
      element(
        'div',
        { class: 'row' },
        node.labels.map((label) => element('span', { class: 'chip' }, label)),
      ),
      factsOf(id, node.properties),
      element(
        'div',
        { class: 'row' },
        button('Expand', () => void this.expand(id)),
        elementLink('node', id, 'Edit'),
        button('Hide', () => this.#hide(id), { class: 'quiet' }),
      ),
    ]);
  }

  #selectEdge(id: string): void {
    const edge = this.#picture?.edges.get(id);
    if (edge === undefined) return;
    this.#select(id, [
      element('h2', {}, edge.type),
      element('p', { class: 'muted' }, `${edge.from} → ${edge.to}`),
      factsOf(id, edge.properties),
      element('div', { class: 'row' }, elementLink('edge', id, 'Edit')),
    ]);
  }

  #hide(id: string): void {
    this.#picture?.remove(id);
    this.#select(undefined);
    this.#drawLegend();
  }

  #drawLegend(): void {
    const { nodes, edges } = this.#picture ?? { nodes: new Map<string, ResultNode>(), edges: new Map() };
    const found = [...nodes.values()];
    replace(
      this.#legend,
      this.#styles.drawn(found).map(([label, count]) => this.#legendEntry(label, count)),
      element('span', { class: 'legend-sum' }, `${countOf(nodes.size, 'node')}, ${countOf(edges.size, 'edge')}`),
    );
    replace(
      this.#names,
      found.slice(0, 1000).map((node) => element('option', { value: this.#styles.captionOf(node) }, node.id)),
    );
  }

  #legendEntry(label: string, count: number): HTMLElement {
    const dot = element('span', { class: 'legend-dot' });
    dot.style.background = this.#styles.of(label).colour;
    const summary = element(
      'summary',
      {},
      dot,
      label === '' ? 'no label' : label,
      element('span', { class: 'muted' }, count),
    );
    if (label === '') return element('span', { class: 'legend-entry' }, dot, 'no label ', count);
    const change = (style: Parameters<LabelStyles['change']>[1]) => {
      this.#styles.change(label, style);
      dot.style.background = this.#styles.of(label).colour;
      this.#picture?.restyle();
    };
    const { colour, size, caption } = this.#styles.of(label);
    const colourInput = element('input', {
      type: 'color',
      value: colour,
      on: { input: () => change({ colour: colourInput.value }) },
    });
    const sizeInput = element('input', {
      type: 'range',
      min: 4,
      max: SIZE_MAX,
      value: size,
      on: { input: () => change({ size: Number(sizeInput.value) }) },
    });
    const names = new Set<string>();
    for (const node of this.#picture?.nodes.values() ?? []) {
      if (node.labels.includes(label)) for (const name of Object.keys(node.properties)) names.add(name);
    }
    const captionInput = element(
      'select',
      { on: { change: () => change({ caption: captionInput.value === '*' ? undefined : captionInput.value }) } },
      element('option', { value: '*' }, 'usual name'),
      element('option', { value: '' }, 'id'),
      [...names].sort().map((name) => element('option', { value: name }, name)),
    );
    captionInput.value = caption ?? '*';
    return element(
      'details',
      { class: 'legend-entry' },
      summary,
      element(
        'div',
        { class: 'legend-style' },
        element('label', {}, 'Colour ', colourInput),
        element('label', {}, 'Size ', sizeInput),
        element('label', {}, 'Name ', captionInput),
      ),
    );
  }
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function factsOf(id: string, properties: ResultNode['properties']): HTMLElement {
  return element(
    'dl',
    { class: 'facts' },
    element('dt', {}, 'id'),
    element('dd', {}, id),
    Object.entries(properties).map(([name, value]) => [element('dt', {}, name), element('dd', {}, shortText(value))]),
  );
}

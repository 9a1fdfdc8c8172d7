/** How nodes of a label are drawn: colour, size, and the property that names them. Kept in the browser. */
import type { ResultNode } from '../client/result-rows.ts';
import { captionOf } from './value-text.ts';

const KEY = 'weft.styles';
const PALETTE = [
  '#5b9be0',
  '#e8a14c',
  '#55b987',
  '#c77dc0',
  '#e0736d',
  '#43b5bd',
  '#a58bea',
  '#b9a53f',
  '#8796ad',
  '#e58fb4',
];

export interface LabelStyle {
  readonly colour: string;
  /** Radius in pixels. */
  readonly size: number;
  /** A property; empty for the id, undefined for the first that is there of the usual ones. */
  readonly caption?: string | undefined;
}

const DEFAULT_SIZE = 9;
const UNLABELLED: LabelStyle = { colour: '#8796ad', size: DEFAULT_SIZE };

export class LabelStyles {
  readonly #styles = new Map<string, LabelStyle>();
  /** Nodes by label, in the picture as it is. */
  #counts: ReadonlyMap<string, number> = new Map();

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, LabelStyle>;
      for (const [label, style] of Object.entries(kept)) this.#styles.set(label, style);
    } catch {
      // What is kept is no style: begin anew.
      localStorage.removeItem(KEY);
    }
  }

  /** Takes note of what is drawn: labels get colours by how common they are. */
  see(nodes: Iterable<ResultNode>): void {
    const counts = new Map<string, number>();
    for (const { labels } of nodes) for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    this.#counts = new Map([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
    const drawn = new Set([...nodes].map((node) => this.labelOf(node)));
    for (const label of this.#counts.keys()) if (drawn.has(label)) this.of(label);
  }

  /** The most common of its labels: the one that says what it is, rather than what is special about it. */
  labelOf({ labels }: ResultNode): string | undefined {
    let best: string | undefined;
    for (const label of labels) {
      if (best === undefined || (this.#counts.get(label) ?? 0) > (this.#counts.get(best) ?? 0)) best = label;
    }
    return best;
  }

  /** Labels that give a node its look, the most common first. */
  drawn(nodes: Iterable<ResultNode>): readonly (readonly [label: string, count: number])[] {
    const counts = new Map<string, number>();
    for (const node of nodes) {
      const label = this.labelOf(node) ?? '';
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }

  of(label: string | undefined): LabelStyle {
    if (label === undefined || label === '') return UNLABELLED;
    const style = this.#styles.get(label);
    if (style !== undefined) return style;
    const taken = new Set([...this.#styles.values()].map(({ colour }) => colour));
    const free = PALETTE.find((colour) => !taken.has(colour)) ?? PALETTE[this.#styles.size % PALETTE.length];
    const fresh = { colour: free ?? UNLABELLED.colour, size: DEFAULT_SIZE };
    this.#styles.set(label, fresh);
    return fresh;
  }

  change(label: string, change: Partial<LabelStyle>): void {
    this.#styles.set(label, { ...this.of(label), ...change });
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#styles)));
  }

  captionOf(node: ResultNode): string {
    return captionOf(node, this.of(this.labelOf(node)).caption);
  }
}

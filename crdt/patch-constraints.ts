/**
 * The constraints of a graph for patches that were drafted elsewhere, on an offline replica: judged by the state in which they leave
 * the elements here. What they do not change is not judged, so a batch that was taken already is taken again without a word.
 */

import type { ConstraintSet, Shown } from './constraint-set.ts';
import { copiedEdge, copiedNode } from './copied-registers.ts';
import { type ConstraintRules, DraftConstraints, isSame } from './draft-constraints.ts';
import type { DraftedPatch } from './drafted-patch.ts';
import type { GraphView } from './graph-view.ts';
import type { Registers } from './registers.ts';

/** An element as the view has it, and as the patches leave it. */
interface Judged {
  readonly before: Shown | undefined;
  readonly registers: Registers;
  /** Of an edge. */
  type: string;
  /** The last patch about it. */
  at: number;
  isCreated: boolean;
}

/**
 * @param drafted in open partitions of the view
 * @throws WeftError `constraint-violated`, definite; Unhydrated
 */
export function checkConstraints(view: GraphView, drafted: readonly DraftedPatch[], rules: ConstraintRules): void {
  const { set } = rules;
  if (set !== undefined) new PatchConstraints(view, rules, set).check(drafted);
}

class PatchConstraints {
  readonly #view: GraphView;
  readonly #constraints: DraftConstraints;
  readonly #nodes = new Map<string, Judged>();
  readonly #edges = new Map<string, Judged>();

  constructor(view: GraphView, rules: ConstraintRules, set: ConstraintSet) {
    this.#view = view;
    this.#constraints = new DraftConstraints(view, rules, set, this);
  }

  check(drafted: readonly DraftedPatch[]): void {
    drafted.forEach(({ home, patch }, at) => {
      const { kind, id } = patch;
      if (kind === 'stub-create' || kind === 'stub-delete') return;
      const isNode = kind === 'node-create' || kind === 'node-update' || kind === 'node-delete';
      const judged = isNode ? this.#node(id) : this.#edge(id, home);
      judged.registers.fold(patch);
      judged.at = at;
      judged.isCreated ||= kind === 'node-create';
      if (kind === 'edge-create') judged.type = patch.type;
    });
    for (const [id, judged] of this.#nodes) {
      const after = shownOf(judged);
      if (after === undefined || isSame(judged.before, after)) continue;
      this.#constraints.written({ kind: 'node', id, operation: judged.at, isPut: judged.isCreated });
    }
    for (const [id, judged] of this.#edges) {
      const after = shownOf(judged);
      if (after === undefined || isSame(judged.before, after)) continue;
      this.#constraints.written({ kind: 'edge', id, operation: judged.at, isPut: false });
    }
    this.#constraints.check();
  }

  #node(id: string): Judged {
    const judged = this.#nodes.get(id);
    if (judged !== undefined) return judged;
    const registers = copiedNode(this.#view, id);
    const added: Judged = { before: this.#shownInView(id), registers, type: '', at: 0, isCreated: false };
    this.#nodes.set(id, added);
    return added;
  }

  #edge(id: string, home: number): Judged {
    const judged = this.#edges.get(id);
    if (judged !== undefined) return judged;
    const { edges } = this.#view;
    const known = edges.find(id, home);
    const registers = copiedEdge(this.#view, id, home);
    const type = known === undefined ? '' : (edges.types[edges.type[known] as number] ?? '');
    const before = shownOf({ registers, type });
    const added: Judged = { before, registers, type, at: 0, isCreated: false };
    this.#edges.set(id, added);
    return added;
  }

  #shownInView(id: string): Shown | undefined {
    const { nodes } = this.#view;
    const known = nodes.find(id);
    if (known === undefined || !nodes.exists(known)) return undefined;
    return {
      labels: nodes.labels[known] as readonly string[],
      properties: nodes.properties[known] as Shown['properties'],
    };
  }

  // --- what the constraints read

  shownNode(id: string): Shown | undefined {
    const judged = this.#nodes.get(id);
    return judged === undefined ? this.#shownInView(id) : shownOf(judged);
  }

  shownEdge(id: string): Shown | undefined {
    const judged = this.#edges.get(id);
    return judged && shownOf(judged);
  }
}

function shownOf({ registers, type }: Pick<Judged, 'registers' | 'type'>): Shown | undefined {
  if (!registers.exists) return undefined;
  return { labels: type === '' ? registers.labels() : [type], properties: registers.properties() };
}

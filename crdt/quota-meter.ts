/**
 * What a draft may add to a graph. Each operation is weighed before it is drafted, against what the view holds and what the
 * draft added so far. Whatever does not grow a graph passes, however full it is: deletes above all.
 *
 * - QUO-1 No draft adds beyond a quota that the state on which it rests had not passed yet. Replicas that write at the same
 *   time each see their own state; together they may pass it by what they have not seen of each other.
 */
import { WeftError } from '../base/errors.ts';
import type { Operation, PropertyChanges } from '../graph/model.ts';
import type { Quota } from '../graph/quota.ts';
import type { Properties, Value } from '../graph/value.ts';
import type { Shown } from './constraint-set.ts';
import { scopeOf } from './routing.ts';
import { ELEMENT_BYTES, propertiesBytes, propertyBytes, type Usage } from './usage.ts';

export interface QuotaRules {
  readonly quota: Quota;
  /** Of the graph as a whole. */
  used(): Usage;
  usedIn(scope: string): Usage;
  /** Told of each refusal. */
  refused(): void;
}

/** What the meter asks a draft. */
export interface MeteredDraft {
  shownNode(id: string): Shown | undefined;
  shownEdge(id: string): (Shown & { readonly from: string }) | undefined;
}

interface Growth {
  readonly elements: number;
  readonly bytes: number;
  readonly scope: string | undefined;
}

const LIMITS_OF_SCOPES: readonly (keyof Quota)[] = ['scopeElements', 'scopeBytes'];

export class QuotaMeter {
  readonly #rules: QuotaRules;
  readonly #draft: MeteredDraft;
  readonly #weighsBytes: boolean;
  #elements = 0;
  #bytes = 0;
  readonly #ofScopes = new Map<string, { elements: number; bytes: number }>();

  constructor(rules: QuotaRules, draft: MeteredDraft) {
    this.#rules = rules;
    this.#draft = draft;
    this.#weighsBytes = rules.quota.bytes !== undefined || rules.quota.scopeBytes !== undefined;
  }

  /** What an operation will add, to be given to `add` once it is drafted. @throws WeftError `quota-exceeded`, definite; Unhydrated */
  admit(operation: Operation): Growth {
    const growth = this.#growthOf(operation);
    const { quota } = this.#rules;
    const { elements, bytes, scope } = growth;
    const used = this.#rules.used();
    this.#check('elements', quota.elements, used.nodes + used.edges + this.#elements, elements);
    this.#check('bytes', quota.bytes, used.bytes + this.#bytes, bytes);
    if (scope === undefined || LIMITS_OF_SCOPES.every((limit) => quota[limit] === undefined)) return growth;
    const usedIn = this.#rules.usedIn(scope);
    const added = this.#ofScopes.get(scope) ?? { elements: 0, bytes: 0 };
    this.#check('scopeElements', quota.scopeElements, usedIn.nodes + usedIn.edges + added.elements, elements, scope);
    this.#check('scopeBytes', quota.scopeBytes, usedIn.bytes + added.bytes, bytes, scope);
    return growth;
  }

  add({ elements, bytes, scope }: Growth): void {
    this.#elements += elements;
    this.#bytes += bytes;
    if (scope === undefined) return;
    const added = this.#ofScopes.get(scope) ?? { elements: 0, bytes: 0 };
    this.#ofScopes.set(scope, { elements: added.elements + elements, bytes: added.bytes + bytes });
  }

  #check(limit: keyof Quota, max: number | undefined, used: number, growth: number, scope?: string): void {
    if (max === undefined || growth <= 0 || used + growth <= max) return;
    this.#rules.refused();
    throw quotaExceeded({ limit, max, used, wanted: growth, ...(scope === undefined ? {} : { scope }) });
  }

  #growthOf(operation: Operation): Growth {
    switch (operation.op) {
      case 'createNode':
      case 'putNode': {
        const { id } = operation;
        const shown = id === undefined ? undefined : this.#draft.shownNode(id);
        return this.#made(operation.properties, shown, id === undefined ? undefined : scopeOf(id));
      }
      case 'createEdge':
      case 'putEdge': {
        const { id } = operation;
        const shown = id === undefined ? undefined : this.#draft.shownEdge(id);
        return this.#made(operation.properties, shown, scopeOf(operation.from));
      }
      case 'patchNode': {
        const scope = scopeOf(operation.id);
        if (!this.#weighsBytes) return { elements: 0, bytes: 0, scope };
        const shown = this.#draft.shownNode(operation.id);
        return { elements: 0, bytes: changedBytes(operation.properties ?? {}, shown?.properties ?? {}), scope };
      }
      case 'patchEdge': {
        if (!this.#weighsBytes) return { elements: 0, bytes: 0, scope: undefined };
        const shown = this.#draft.shownEdge(operation.id);
        const scope = shown === undefined ? undefined : scopeOf(shown.from);
        return { elements: 0, bytes: changedBytes(operation.properties, shown?.properties ?? {}), scope };
      }
      case 'deleteNode':
        return this.#gone(this.#draft.shownNode(operation.id), scopeOf(operation.id));
      case 'deleteEdge': {
        const shown = this.#draft.shownEdge(operation.id);
        return this.#gone(shown, shown === undefined ? undefined : scopeOf(shown.from));
      }
    }
  }

  #made(properties: Properties, before: Shown | undefined, scope: string | undefined): Growth {
    const elements = before === undefined ? 1 : 0;
    const bytes = this.#weighsBytes
      ? ELEMENT_BYTES * elements + propertiesBytes(properties) - propertiesBytes(before?.properties ?? {})
      : 0;
    return { elements, bytes, scope };
  }

  /** What goes with a node counts as gone from the next draft on. */
  #gone(shown: Shown | undefined, scope: string | undefined): Growth {
    if (shown === undefined) return { elements: 0, bytes: 0, scope };
    return { elements: -1, bytes: -ELEMENT_BYTES - propertiesBytes(shown.properties), scope };
  }
}

function changedBytes(changes: PropertyChanges, before: Properties): number {
  let bytes = 0;
  for (const [name, change] of Object.entries(changes)) {
    const held = Object.hasOwn(before, name) ? propertyBytes(name, before[name] as Value) : 0;
    switch (change.kind) {
      case 'set':
        bytes += propertyBytes(name, change.value) - held;
        break;
      case 'text':
        bytes += propertyBytes(name, change.text) - held;
        break;
      case 'typed':
        bytes += change.update.length;
        break;
      case 'remove':
        bytes -= held;
        break;
      case 'increment':
        bytes += held === 0 ? propertyBytes(name, 0) : 0;
        break;
      case 'members':
        bytes += propertyBytes(name, change.add) - propertyBytes(name, change.remove);
    }
  }
  return bytes;
}

export interface Excess {
  readonly limit: keyof Quota;
  readonly max: number;
  readonly used: number;
  readonly wanted: number;
  readonly scope?: string;
}

export function quotaExceeded({ limit, max, used, wanted, scope }: Excess): WeftError {
  const where = scope === undefined ? 'the graph' : `scope \`${scope}\``;
  const what = limit === 'elements' || limit === 'scopeElements' ? 'elements' : 'bytes';
  const detail = `quota \`${limit}\` allows ${where} ${max} ${what}; ${used} are used, ${wanted} more are wanted`;
  return new WeftError('quota-exceeded', detail, {
    limit,
    max,
    used,
    wanted,
    ...(scope === undefined ? {} : { scope }),
  });
}

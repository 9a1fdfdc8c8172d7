/** Which worlds come after a world. */
import type { PlantedBug } from '../../base/planted-bug.ts';
import { laterBallot, NO_BALLOT } from '../../src/consistency/ballot.ts';
import { ServerFacts } from './server-facts.ts';
import {
  type Inbox,
  nameOf,
  numberOf,
  type Plan,
  placeKey,
  type Sent,
  type ServerState,
  type World,
  withSent,
} from './state.ts';
import { crash, mayEnd, type Place, type Rules, repetitionsAt, stepsOf } from './step.ts';

export interface Next {
  readonly what: string;
  readonly world: World;
}

/** A place that comes again in very many worlds, with what was found out about it. */
interface Known {
  readonly place: Place;
  steps: readonly KnownStep[] | undefined;
  repetitions: readonly Sent[] | undefined;
}

interface KnownStep {
  readonly what: string;
  readonly to: Known;
  readonly outgoing: readonly Sent[];
}

/** Forgotten places are found out about anew. */
const KNOWN_MAX = 500_000;

export class Worlds {
  readonly #rules: Rules;
  readonly #known = new Map<string, Known>();

  constructor(plan: Plan, bugs: ReadonlySet<PlantedBug>) {
    this.#rules = { plan, bugs, facts: new ServerFacts(bugs) };
  }

  /**
   * Every world that is one step away, while there is an operation that may yet end. What a server does by itself and nobody
   * else notices (nothing is sent, committed or told) is no step of its own: it can as well happen right before the next
   * step of that server, since what others do in between neither needs nor hinders it. So it is explored there, in every
   * order.
   */
  after(world: World): Next[] {
    const { servers, inboxes, shared } = world;
    const nexts: Next[] = [];
    if (!servers.some((server, index) => mayEnd({ index, server, shared }, this.#rules))) return nexts;
    if (this.#known.size > KNOWN_MAX) this.#known.clear();
    const latest = servers.reduce((last, { acceptor }) => laterBallot(last, acceptor.promised), NO_BALLOT);
    for (const [index, server] of servers.entries()) {
      const start = this.#knownOf({ index, server, inbox: inboxes[index] as Inbox, shared });
      const prepared = new Map<Known, string>([[start, '']]);
      for (const [ready, before] of prepared) {
        for (const step of this.#stepsOf(ready)) {
          const isNoticed = step.to.place.shared !== shared || step.outgoing.some((sent) => this.#isNews(sent, world));
          const what = before + step.what;
          if (isNoticed) nexts.push(this.#after(world, { ...step, what }));
          else if (!prepared.has(step.to)) prepared.set(step.to, `${what}, `);
        }
        const crashed = crash(ready.place, latest, this.#rules);
        if (crashed !== undefined) {
          const what = `${before}${nameOf(index)} crashes`;
          nexts.push(this.#after(world, { what, to: this.#knownOf(crashed), outgoing: crashed.outgoing }));
        }
      }
    }
    return nexts;
  }

  #knownOf({ index, server, inbox, shared }: Omit<Place, 'outgoing'>): Known {
    const key = `${index} ${placeKey(server, inbox, shared)}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { place: { index, server, inbox, shared, outgoing: [] }, steps: undefined, repetitions: undefined };
      this.#known.set(key, known);
    }
    return known;
  }

  #stepsOf(known: Known): readonly KnownStep[] {
    known.steps ??= stepsOf(known.place, this.#rules).map(({ what, place }) => {
      return { what, to: this.#knownOf(place), outgoing: place.outgoing };
    });
    return known.steps;
  }

  /** Whether a message would be one more that means something. */
  #isNews(sent: Sent, { servers, inboxes }: World): boolean {
    const isHeld = (inboxes[sent.to] as Inbox).has(numberOf(sent));
    return !isHeld && !this.#rules.facts.isUseless(sent, servers[sent.to] as ServerState);
  }

  /** Whatever else its acceptor would answer where it is comes with the step: more messages cannot hinder anything. */
  #after(world: World, { what, to, outgoing }: KnownStep): Next {
    const { index, server, shared, inbox } = to.place;
    to.repetitions ??= repetitionsAt(to.place, this.#rules);
    const servers = world.servers.map((one, i) => (i === index ? server : one));
    const inboxes = world.inboxes.map((one, i) => (i === index ? inbox : one));
    for (const sent of [...outgoing, ...to.repetitions]) {
      if (this.#isNews(sent, world)) inboxes[sent.to] = withSent(inboxes[sent.to] as Inbox, sent);
    }
    return { what, world: { servers, inboxes, shared } };
  }
}

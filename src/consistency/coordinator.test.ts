/** The coordinator as a pure function, event by event: what the model reaches only by long ways. */
import { describe, expect, test } from 'vitest';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { PlantedBug, QuorumBug } from '../../base/planted-bug.ts';
import { NOTHING_ACCEPTED } from './acceptor.ts';
import type { Ballot } from './ballot.ts';
import { ballotOf, type CoordinatorEffect, type CoordinatorEvent, IDLE, stepCoordinator } from './coordinator.ts';
import type { AcceptorState, Promised, ProvisionalPatch } from './message.ts';

const OWN = 1 as ReplicaId;
const ballot = (counter: number): Ballot => ({ counter, replica: 9 as ReplicaId });
const patch: ProvisionalPatch = { graphKey: 'g', partition: '0' as PartitionId, text: 'an old patch' };

/** A coordinator of the voters a, b and c, and what it wants done. */
class Led {
  #state = { ...IDLE, latest: ballot(8) };
  readonly #settings;

  constructor(bugs: readonly QuorumBug[] = []) {
    this.#settings = {
      graph: 'g',
      replica: OWN,
      configuration: 1,
      voters: new Set(['a', 'b', 'c']),
      bugs: new Set<PlantedBug>(bugs),
    };
  }

  step(event: CoordinatorEvent): readonly CoordinatorEffect[] {
    const { state, effects } = stepCoordinator(this.#state, event, this.#settings);
    this.#state = state;
    return effects;
  }

  /** A voter promises the ballot that is asked for. */
  promise(from: string, accepted: Partial<AcceptorState> = {}): readonly CoordinatorEffect[] {
    const asked = ballotOf(this.#state);
    const state = { ...NOTHING_ACCEPTED, ...accepted, promised: asked };
    const head = { kind: 'promised' as const, graph: 'g', ballot: asked, round: this.#state.rounds };
    const vote: Promised = { ...head, memory: from, known: new Map(), vector: new Map(), clock: 0, state };
    return this.step({ kind: 'vote', from, vote });
  }
}

const kinds = (effects: readonly CoordinatorEffect[]): string[] => effects.map(({ kind }) => kind);

describe('a coordinator that takes over', () => {
  const overtaken = (bugs: readonly QuorumBug[] = []) => {
    const led = new Led(bugs);
    led.step({ kind: 'begin' });
    // The later proposal changed nothing, and decided that the earlier one is dead.
    led.promise('a', { accepted: ballot(5), patches: [] });
    led.promise('b', { accepted: ballot(3), patches: [patch] });
    return kinds(led.step({ kind: 'caught-up' }));
  };

  test('the last proposal changed nothing, an earlier one did -> the earlier one is dead (STR-7)', () => {
    expect(overtaken()).toEqual(['leads']);
    // Planted, so that this test is seen to see it.
    expect(overtaken(['recover-last-with-patches'])).toEqual(['send']);
  });

  test('of two that accepted the same proposal one has its patches in its documents -> these are not proposed again', () => {
    const wanted = (...accepted: readonly (readonly ProvisionalPatch[])[]) => {
      const led = new Led();
      led.step({ kind: 'begin' });
      for (const [i, from] of (['a', 'b'] as const).entries())
        led.promise(from, { accepted: ballot(5), patches: accepted[i] ?? [] });
      return kinds(led.step({ kind: 'caught-up' }));
    };
    expect(wanted([patch], [patch])).toEqual(['send']);
    expect([wanted([patch], []), wanted([], [patch])]).toEqual([['leads'], ['leads']]);
  });

  test('somebody promises who is no voter -> not counted (STR-13)', () => {
    const led = new Led();
    led.step({ kind: 'begin' });
    expect([led.promise('a'), led.promise('d'), led.promise('a')].flatMap(kinds)).toEqual([]);
    expect(kinds(led.promise('c'))).toEqual(['catch-up']);
  });

  test('the configuration is over while it asks -> lost; while it leads -> nothing until it asks', () => {
    const led = new Led();
    led.step({ kind: 'begin' });
    expect(kinds(led.step({ kind: 'outdated' }))).toEqual(['lost']);
    led.step({ kind: 'begin' });
    for (const from of ['a', 'b']) led.promise(from);
    led.step({ kind: 'caught-up' });
    expect(led.step({ kind: 'outdated' })).toEqual([]);
    expect(kinds(led.step({ kind: 'propose', cover: new Map(), patches: [] }))).toEqual(['send']);
    expect(kinds(led.step({ kind: 'outdated' }))).toEqual(['lost']);
  });
});

test('a strong read: nothing was chosen in this era -> it takes a proposal, nobody is asked (STR-8)', () => {
  const probed = (bugs: readonly QuorumBug[] = []) => {
    const led = new Led(bugs);
    led.step({ kind: 'begin' });
    for (const from of ['a', 'b']) led.promise(from);
    led.step({ kind: 'caught-up' });
    return led.step({ kind: 'probe', seen: new Map() });
  };
  expect(probed()).toEqual([{ kind: 'probed', holds: false }]);
  // Planted, so that this test is seen to see it.
  expect(kinds(probed(['one-round-read']))).toEqual(['send']);
});

/**
 * Changes of who votes, asked of this server or decided elsewhere: has the next configuration decided, and takes over what
 * was decided, whoever asked for it.
 */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Operation } from '../../graph/model.ts';
import type { VoterChange } from '../engine-port.ts';
import { type Configuration, parseConfiguration } from '../replication/configuration.ts';
import type { VoterChannel } from '../replication/voter-channel.ts';
import { unavailable } from './failures.ts';
import type { Voter } from './voter.ts';
import { changed, conflict, deciding, type Surroundings, votingNow } from './voter-change.ts';
import { majorityOf } from './votes.ts';

export interface VoterChangesOptions {
  readonly env: Env;
  readonly channel: VoterChannel;
  readonly voter: Voter;
  /** The configuration of this number, as text, once its decision is here. */
  readonly decided: (number: number) => string | undefined;
  /** Has those who vote decide an operation of the graph `_system`. */
  readonly decide: (operation: Operation) => Promise<void>;
  readonly isClosed: () => boolean;
}

export class VoterChanges {
  readonly #options: VoterChangesOptions;

  constructor(options: VoterChangesOptions) {
    this.#options = options;
  }

  /**
   * Has those who vote decide who votes next, and waits until the new voters do, as long as a strong request may take.
   * @throws WeftError `peer-not-found`, `voters-conflict`, `quorum-unavailable`, definite; `quorum-indeterminate`
   */
  async change(change: VoterChange): Promise<void> {
    const { env, channel, decide, isClosed } = this.#options;
    const { voterSet, self } = channel;
    const deadlineMs = this.#nowMs() + LIMITS.strongWaitMs;
    const next = await this.#next(change);
    if (next !== undefined) {
      await decide(deciding(next)).catch((error: unknown) => {
        const isTaken = error instanceof WeftError && error.code === 'node-exists';
        throw isTaken ? conflict('the voters were changed by somebody else meanwhile; look, and try again') : error;
      });
      env.log.write('info', 'quorum: the voters were changed', { ...change, by: self, configuration: next.number });
      voterSet.adopt(next);
    }
    const isInForce = () => {
      const voting = votingNow(voterSet.configuration, this.#surroundings());
      return voting.length >= majorityOf(voterSet.configuration.voters.length);
    };
    while (!isClosed() && !isInForce() && this.#nowMs() < deadlineMs) await this.#wait();
  }

  /** Whoever made a decision may have been lost before it told anybody; the decision was not. */
  learnDecided(): void {
    const { channel, decided } = this.#options;
    for (;;) {
      const { number } = channel.voterSet.configuration;
      const text = number === 0 ? undefined : decided(number + 1);
      if (text === undefined) return;
      channel.voterSet.adopt(parseConfiguration(text));
    }
  }

  /** Undefined if nothing is to be changed. Waits a little for what may pass: a server that just came, or a change under way. */
  async #next(change: VoterChange): Promise<Configuration | undefined> {
    const { channel, isClosed } = this.#options;
    const deadlineMs = this.#nowMs() + PATIENCE_MS;
    for (;;) {
      this.learnDecided();
      const { configuration } = channel.voterSet;
      if (configuration.number === 0)
        throw unavailable('the servers that were told of each other have not all met yet');
      const step = changed(configuration, change, this.#surroundings());
      if (step.kind === 'next') return step.next;
      if (!step.mayPass || isClosed() || this.#nowMs() >= deadlineMs) throw step.refusal;
      await this.#wait();
    }
  }

  #surroundings(): Surroundings {
    const { channel, voter } = this.#options;
    const told = (name: string) => voter.told(name);
    return { self: channel.self, votes: voter.votes, reachable: channel.reachable(), told };
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#options.env.scheduler.after(LIMITS.strongResendMs, resolve));
  }

  #nowMs(): number {
    return this.#options.env.clock.monotonicMs();
  }
}

/** Some rounds of introductions. */
const PATIENCE_MS = 1_500;

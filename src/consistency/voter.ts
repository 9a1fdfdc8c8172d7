/**
 * This server as a voter: keeps what it has promised and accepted for every graph, durably, and answers coordinators. What
 * is promised is decided in `acceptor.ts`; here it meets the disk, what this server holds, and the loss of its memory.
 */
import type { Env } from '../../base/env.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { Span } from '../../base/tracer.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { type Configuration, firstConfiguration, sameNames } from '../replication/configuration.ts';
import type { VoterChannel } from '../replication/voter-channel.ts';
import type { VoterSet } from '../replication/voter-set.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from './acceptor.ts';
import { compareBallots, laterBallot, NO_BALLOT } from './ballot.ts';
import type { Accept, AcceptorState, Join, Joined, Memory, Message, Prepare, Settled, Vote } from './message.ts';
import { decodeState, encodeState } from './message-codec.ts';
import { countedVotes, majorityOf } from './votes.ts';

/** What a voter needs of the engine. */
export interface VoterHost {
  readonly vector: VersionVector;
  readonly clockReading: number;
  /** False while this server takes over the state of another one: what it holds is not what it says. */
  readonly isWhole: boolean;
  covers(wanted: VersionVector): boolean;
  readNote(name: string): Promise<Uint8Array | undefined>;
  /** Resolves when it is durable. Writes become durable in the order of the calls. */
  writeNote(name: string, value: Uint8Array): Promise<void>;
}

export interface VoterOptions {
  readonly env: Env;
  readonly host: VoterHost;
  readonly self: string;
  readonly voterSet: VoterSet;
  readonly channel: Pick<VoterChannel, 'size' | 'met'>;
  readonly send: (to: string, message: Message) => void;
  readonly guard: (work: Promise<unknown>) => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

const MEMORY_NOTE = 'voter';
const GRAPHS_NOTE = 'voter-graphs';
const stateNote = (graph: string): string => `voter/${graph}`;

/** Where a server stands in who votes. */
export type Standing = Pick<Joined, 'memory' | 'configuration' | 'votesIn'>;

/** As it lies on disk. */
interface Remembered {
  readonly memory: Memory;
  readonly known: readonly (readonly [name: string, memory: Memory])[];
}

interface Ballots {
  state: AcceptorState;
  /** Resolves when all states so far are durable. */
  durable: Promise<void>;
  /** The last question that waits for commits. */
  waiting: { readonly from: string; readonly message: Prepare | Accept; readonly span: Span | undefined } | undefined;
}

export class Voter {
  readonly #options: VoterOptions;
  readonly #memory: Memory;
  readonly #known: Map<string, Memory>;
  readonly #graphs = new Map<string, Promise<Ballots>>();
  readonly #graphKeys: Set<string>;
  /** The last answers to our `join`, by server. */
  readonly #told = new Map<string, Joined>();
  #joining = false;

  private constructor(options: VoterOptions, { memory, known }: Remembered, graphs: Iterable<string>) {
    this.#options = options;
    this.#memory = memory;
    this.#known = new Map(known);
    this.#graphKeys = new Set(graphs);
  }

  static async open(options: VoterOptions): Promise<Voter> {
    const { host, env } = options;
    const held = await host.readNote(MEMORY_NOTE);
    const graphs = await host.readNote(GRAPHS_NOTE);
    if (held !== undefined) {
      const keys = graphs === undefined ? [] : (JSON.parse(fromUtf8(graphs)) as string[]);
      return new Voter(options, JSON.parse(fromUtf8(held)) as Remembered, keys);
    }
    const memory = [env.random.uint32(), env.random.uint32()].map((word) => word.toString(36)).join('');
    const voter = new Voter(options, { memory, known: [] }, []);
    await voter.#remember();
    return voter;
  }

  /** Whether it votes in the configuration that is in force, as far as it knows. */
  get votes(): boolean {
    const { voterSet, self, bugs } = this.#options;
    if (!voterSet.isVoter(self)) return false;
    return voterSet.votesIn === voterSet.configuration.number || isPlanted(bugs, 'empty-server-votes');
  }

  /** What a server said of itself last; of this one, what it would say. */
  told(name: string): Standing | undefined {
    const { self, voterSet } = this.#options;
    if (name !== self) return this.#told.get(name);
    const { configuration, votesIn } = voterSet;
    return { memory: this.#memory, configuration, votesIn };
  }

  /** Looks whether it may vote by now. */
  tick(): void {
    if (!this.#isSettled) this.#options.guard(this.#consider());
  }

  /** @param span ends when the answer is on its way, or there will be none */
  hear(from: string, message: Prepare | Accept | Settled | Join | Joined, span?: Span): void {
    const { guard } = this.#options;
    switch (message.kind) {
      case 'join':
        guard(this.#answerJoin(from, message));
        return;
      case 'joined':
        guard(this.#hearJoined(from, message));
        return;
      default:
        guard(this.#decide(from, message, span));
    }
  }

  async #decide(from: string, message: Prepare | Accept | Settled, span: Span | undefined): Promise<void> {
    const ballots = await this.#ballotsOf(message.graph);
    const isAnswered = await this.#tryDecide(ballots, from, message, span);
    if (isAnswered) span?.end();
  }

  /** False if the answer waits for commits. */
  async #tryDecide(
    ballots: Ballots,
    from: string,
    message: Prepare | Accept | Settled,
    span: Span | undefined,
  ): Promise<boolean> {
    const { host, send, bugs } = this.#options;
    if (message.kind !== 'settled' && !this.#takesPart(from, message)) return true;
    const step = stepAcceptor(ballots.state, message, (wanted) => host.covers(wanted));
    if (step === undefined) {
      // Whoever proposes later has won; the earlier one would be refused.
      const held = ballots.waiting;
      if (message.kind !== 'settled' && compareBallots(held?.message.ballot ?? NO_BALLOT, message.ballot) <= 0) {
        held?.span?.end();
        ballots.waiting = { from, message, span };
        return false;
      }
      return true;
    }
    if (step.state !== ballots.state) {
      ballots.state = step.state;
      // Nothing is lost with the note that patches are settled: at worst they are finished once more.
      if (message.kind !== 'settled') this.#keep(message.graph, ballots);
    }
    const { reply } = step;
    if (reply === undefined) return true;
    const isEarly =
      (isPlanted(bugs, 'vote-before-sync') && reply.kind === 'accepted') ||
      (isPlanted(bugs, 'promise-in-memory') && reply.kind === 'promised');
    if (!isEarly) await ballots.durable;
    const { graph, ballot } = message;
    if (reply.kind === 'refused') {
      send(from, reply);
      return true;
    }
    const vote = this.#vote();
    if (reply.kind === 'promised') {
      send(from, { ...reply, ...vote, graph, ballot, round: (message as Prepare).round });
    } else {
      send(from, { ...reply, ...vote, graph, ballot });
    }
    return true;
  }

  /** Whether this server votes in the configuration of a ballot, now. */
  #takesPart(from: string, { graph, ballot, configuration: asked }: Prepare | Accept): boolean {
    const { host, send, voterSet, bugs } = this.#options;
    const { configuration } = voterSet;
    if (asked < configuration.number) {
      if (isPlanted(bugs, 'old-voters-decide')) return voterSet.votesIn > 0 && host.isWhole;
      // STR-12: nothing is decided by those who voted before once they have told what they know to those who vote now.
      send(from, { kind: 'outdated', graph, ballot, configuration });
      return false;
    }
    return asked === configuration.number && this.votes && host.isWhole;
  }

  /** This server holds more than before: proposals that waited for it may be accepted now. */
  moved(): void {
    for (const opening of this.#graphs.values()) {
      this.#options.guard(
        opening.then(async (ballots) => {
          const { waiting } = ballots;
          if (waiting === undefined || !this.#options.host.covers(waiting.message.cover)) return;
          ballots.waiting = undefined;
          await this.#decide(waiting.from, waiting.message, waiting.span);
        }),
      );
    }
  }

  #ballotsOf(graph: string): Promise<Ballots> {
    let opening = this.#graphs.get(graph);
    if (opening === undefined) {
      opening = this.#open(graph);
      this.#graphs.set(graph, opening);
    }
    return opening;
  }

  async #open(graph: string): Promise<Ballots> {
    const held = await this.#options.host.readNote(stateNote(graph));
    const state = held === undefined ? NOTHING_ACCEPTED : decodeState(held);
    return { state, durable: Promise.resolve(), waiting: undefined };
  }

  /** STR-1: durable before anybody hears of it. */
  #keep(graph: string, ballots: Ballots): void {
    const { host } = this.#options;
    const noted = this.#graphKeys.has(graph) ? undefined : this.#noteGraph(graph);
    const written = host.writeNote(stateNote(graph), encodeState(ballots.state));
    const durable = Promise.all([noted, written]).then(() => undefined);
    // Who waits for it gets the failure; the store says so to everybody else.
    durable.catch(() => undefined);
    ballots.durable = durable;
  }

  #noteGraph(graph: string): Promise<void> {
    this.#graphKeys.add(graph);
    return this.#options.host.writeNote(GRAPHS_NOTE, toUtf8(JSON.stringify(Array.from(this.#graphKeys))));
  }

  // Memory, and who votes.

  #remember(): Promise<void> {
    const remembered: Remembered = { memory: this.#memory, known: Array.from(this.#known) };
    return this.#options.host.writeNote(MEMORY_NOTE, toUtf8(JSON.stringify(remembered)));
  }

  /** Tells a server who this one is; the caller repeats it. Nothing is sent once all is said. */
  introduce(to: string): void {
    const { configuration } = this.#options.voterSet;
    const told = this.#told.get(to);
    const knowsUs = told?.configuration.number === configuration.number;
    const isSilent = configuration.voters.includes(to) && told?.votesIn !== configuration.number;
    if (this.#isSettled && knowsUs && !isSilent) return;
    const asksState = configuration.number > 0 && !this.#isSettled;
    this.#options.send(to, { kind: 'join', memory: this.#memory, configuration, asksState });
  }

  /** True if nothing is to be done before this server votes. */
  get #isSettled(): boolean {
    const { voterSet, self } = this.#options;
    return voterSet.configuration.number > 0 && (this.votes || !voterSet.isVoter(self));
  }

  async #answerJoin(from: string, { memory, configuration, asksState }: Join): Promise<void> {
    const { send, voterSet, host, channel } = this.#options;
    voterSet.adopt(configuration);
    if (this.#known.get(from) !== memory) {
      // STR-6: what its earlier memory said counts no longer, here or wherever this server's votes are counted.
      this.#known.set(from, memory);
      if (this.#told.get(from)?.memory !== memory) this.#told.delete(from);
      await this.#remember();
    }
    // STR-12: no ballot of an earlier configuration is taken part in after this, so what is told is all that ever was.
    await voterSet.durable;
    const states: { graph: string; state: AcceptorState }[] = [];
    const said = voterSet.configuration;
    const tellsState = asksState && voterSet.votesIn > 0 && host.isWhole;
    if (tellsState) {
      for (const graph of this.#graphKeys) {
        const ballots = await this.#ballotsOf(graph);
        await ballots.durable;
        states.push({ graph, state: ballots.state });
      }
    }
    // It asks again.
    if (this.#known.get(from) !== memory || voterSet.configuration !== said) return;
    const { votesIn } = voterSet;
    const met = channel.met();
    send(from, {
      kind: 'joined',
      of: memory,
      configuration: said,
      votesIn,
      met,
      tellsState,
      states,
      ...this.#vote(),
    });
  }

  #vote(): Vote {
    const { vector, clockReading: clock } = this.#options.host;
    return { memory: this.#memory, known: this.#known, vector, clock };
  }

  async #hearJoined(from: string, message: Joined): Promise<void> {
    if (message.of !== this.#memory) return;
    const { voterSet } = this.#options;
    voterSet.adopt(message.configuration);
    const held = this.#told.get(from);
    // The first state of a voter is as good as later ones, whose vectors this server might never reach under load.
    const isHeld =
      held?.tellsState === true &&
      held.memory === message.memory &&
      held.configuration.number === message.configuration.number &&
      held.votesIn === message.votesIn;
    const { known } = message;
    this.#told.set(from, isHeld ? { ...held, known } : message);
    await this.#consider();
  }

  /** Begins to vote if it may. */
  async #consider(): Promise<void> {
    if (this.#joining) return;
    this.#joining = true;
    try {
      this.#found();
      const { voterSet, host, env } = this.#options;
      const { configuration } = voterSet;
      if (this.#isSettled || configuration.number === 0) return;
      const sources = this.#sources(configuration);
      if (sources === undefined) return;
      // STR-9: what the others accepted rests on what they hold, or is already among it.
      if (sources.length > 0 && !(host.isWhole && sources.every(({ vector }) => host.covers(vector)))) return;
      for (const { states } of sources) for (const one of states) await this.#takeOver(one);
      // A later one came up meanwhile: others must be asked.
      if (voterSet.configuration !== configuration) return;
      await voterSet.vote();
      const { number, voters } = configuration;
      env.log.write('info', 'quorum: this server votes', { memory: this.#memory, configuration: number, voters });
    } finally {
      this.#joining = false;
    }
  }

  /**
   * The first configuration, made by the first server in order once all have met and name the same servers. That a server
   * knows of one, by itself or from others, is the mark that the cluster was founded: it is never founded again.
   */
  #found(): void {
    const { voterSet, self, channel, env, bugs } = this.#options;
    const { number } = voterSet.configuration;
    const isForgotten = isPlanted(bugs, 'founded-again') && voterSet.votesIn === 0;
    if (number > 0 && !isForgotten) return;
    const met = channel.met();
    if (met.length !== channel.size || met[0] !== self) return;
    const memories = new Map([[self, this.#memory]]);
    for (const name of met.slice(1)) {
      const told = this.#told.get(name);
      if (told === undefined || told.memory !== this.#known.get(name) || told.votesIn > 0) return;
      if (!sameNames(told.met, met)) {
        // It may just have some to meet yet.
        if (told.met.every((other) => met.includes(other))) return;
        env.log.write('warn', 'quorum: servers were told of different servers', { self: met, [name]: told.met });
        return;
      }
      memories.set(name, told.memory);
    }
    voterSet.adopt({ ...firstConfiguration(memories), number: number + 1 });
  }

  /** Whose states this server must take over before it votes in the configuration; undefined while too few told theirs. */
  #sources({ number, voters, before, fresh }: Configuration): readonly Joined[] | undefined {
    const { self, voterSet } = this.#options;
    const isFresh = fresh.some(([name, memory]) => name === self && memory === this.#memory);
    const told = countedVotes(this.#told, new Map([[self, this.#vote()]]));
    const knowing = Array.from(told).filter(([, { configuration }]) => configuration.number === number);
    const of = (names: readonly string[]) => knowing.filter(([name]) => names.includes(name) && name !== self);
    // STR-14: nobody has voted yet, and no disk that is lost from now on takes with it that the cluster was founded.
    const isFirst = before.length === 0;
    if (isFirst && isFresh && of(voters).length === voters.length - 1) return [];
    const telling = (names: readonly string[]) => of(names).filter(([, { tellsState }]) => tellsState);
    // STR-9: those who vote already tell a new memory what the old one may have promised.
    const voting = telling(voters).filter(([, { votesIn }]) => votesIn === number);
    if (voting.length >= majorityOf(voters.length)) return voting.map(([, one]) => one);
    // STR-12: a majority of the voters before takes part in nothing earlier any more.
    const isWhole = voterSet.votesIn > 0;
    if (isFirst || !(isWhole || isFresh)) return undefined;
    const ended = telling(before);
    const own = isWhole && before.includes(self) ? 1 : 0;
    return ended.length + own >= majorityOf(before.length) ? ended.map(([, one]) => one) : undefined;
  }

  /** STR-9: promises at least what the others promised, and has accepted what the last of them accepted. */
  async #takeOver({ graph, state: theirs }: Joined['states'][number]): Promise<void> {
    const ballots = await this.#ballotsOf(graph);
    const ours = ballots.state;
    const last = compareBallots(theirs.accepted, ours.accepted) > 0 ? theirs : ours;
    ballots.state = { ...last, promised: laterBallot(theirs.promised, ours.promised) };
    this.#keep(graph, ballots);
    await ballots.durable;
  }
}

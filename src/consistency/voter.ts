/**
 * This server as a voter: keeps what it has promised and accepted for every graph, durably, and answers coordinators. What
 * is promised is decided in `acceptor.ts`; here it meets the disk, what this server holds, and the loss of its memory.
 */
import type { Env } from '../../base/env.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { VersionVector } from '../version-vector.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from './acceptor.ts';
import { compareBallots, laterBallot, NO_BALLOT } from './ballot.ts';
import type { Accept, AcceptorState, Join, Joined, Memory, Message, Prepare, Settled } from './message.ts';
import { decodeState, encodeState } from './message-codec.ts';
import { majorityOf } from './votes.ts';

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
  readonly voters: number;
  readonly send: (to: string, message: Message) => void;
  readonly guard: (work: Promise<unknown>) => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

const MEMORY_NOTE = 'voter';
const GRAPHS_NOTE = 'voter-graphs';
const stateNote = (graph: string): string => `voter/${graph}`;

/** As it lies on disk. */
interface Remembered {
  readonly memory: Memory;
  readonly votes: boolean;
  readonly known: readonly (readonly [name: string, memory: Memory])[];
  /** Voters whose memory is the first that this one ever knew of them. */
  readonly originals: readonly string[];
  readonly tookOver?: boolean;
}

interface Ballots {
  state: AcceptorState;
  /** Resolves when all states so far are durable. */
  durable: Promise<void>;
  /** The last question that waits for commits. */
  waiting: { readonly from: string; readonly message: Prepare | Accept } | undefined;
}

export class Voter {
  readonly #options: VoterOptions;
  readonly #memory: Memory;
  /** False until this server may vote: its memory is whole, or it never had any and neither had the others. */
  #votes: boolean;
  readonly #known: Map<string, Memory>;
  readonly #originals: Set<string>;
  readonly #graphs = new Map<string, Promise<Ballots>>();
  readonly #graphKeys: Set<string>;
  /** Answers to our `join`, by voter. */
  readonly #joined = new Map<string, Joined>();
  #joining = false;
  /** Whether it began to vote with what others told it. */
  #tookOver: boolean;

  private constructor(
    options: VoterOptions,
    { memory, votes, known, originals, tookOver = false }: Remembered,
    graphs: Iterable<string>,
  ) {
    this.#options = options;
    this.#memory = memory;
    this.#votes = votes || (isPlanted(options.bugs, 'empty-server-votes') && options.voters > 1);
    this.#known = new Map(known);
    this.#originals = new Set(originals);
    this.#tookOver = tookOver;
    this.#graphKeys = new Set(graphs);
  }

  static async open(options: VoterOptions): Promise<Voter> {
    const { host, env, voters } = options;
    const held = await host.readNote(MEMORY_NOTE);
    const graphs = await host.readNote(GRAPHS_NOTE);
    if (held !== undefined) {
      const keys = graphs === undefined ? [] : (JSON.parse(fromUtf8(graphs)) as string[]);
      return new Voter(options, JSON.parse(fromUtf8(held)) as Remembered, keys);
    }
    const memory = [env.random.uint32(), env.random.uint32()].map((word) => word.toString(36)).join('');
    const fresh: Remembered = { memory, votes: voters === 1, known: [], originals: [] };
    const voter = new Voter(options, fresh, []);
    await voter.#remember();
    return voter;
  }

  get votes(): boolean {
    return this.#votes;
  }

  hear(from: string, message: Prepare | Accept | Settled | Join | Joined): void {
    const { guard } = this.#options;
    switch (message.kind) {
      case 'join':
        guard(this.#answerJoin(from, message));
        return;
      case 'joined':
        guard(this.#hearJoined(from, message));
        return;
      default:
        if (this.#votes && this.#options.host.isWhole) guard(this.#decide(from, message));
    }
  }

  async #decide(from: string, message: Prepare | Accept | Settled): Promise<void> {
    const ballots = await this.#ballotsOf(message.graph);
    const { host, send, bugs } = this.#options;
    const step = stepAcceptor(ballots.state, message, (wanted) => host.covers(wanted));
    if (step === undefined) {
      // Whoever proposes later has won; the earlier one would be refused.
      const held = ballots.waiting;
      if (message.kind !== 'settled' && compareBallots(held?.message.ballot ?? NO_BALLOT, message.ballot) <= 0) {
        ballots.waiting = { from, message };
      }
      return;
    }
    if (step.state !== ballots.state) {
      ballots.state = step.state;
      // Nothing is lost with the note that patches are settled: at worst they are finished once more.
      if (message.kind !== 'settled') this.#keep(message.graph, ballots);
    }
    const { reply } = step;
    if (reply === undefined) return;
    const isEarly =
      (isPlanted(bugs, 'vote-before-sync') && reply.kind === 'accepted') ||
      (isPlanted(bugs, 'promise-in-memory') && reply.kind === 'promised');
    if (!isEarly) await ballots.durable;
    const { graph, ballot } = message;
    if (reply.kind === 'refused') {
      send(from, reply);
      return;
    }
    const vote = { memory: this.#memory, known: this.#known, vector: host.vector, clock: host.clockReading };
    if (reply.kind === 'promised') {
      send(from, { ...reply, ...vote, graph, ballot, round: (message as Prepare).round });
    } else {
      send(from, { ...reply, ...vote, graph, ballot });
    }
  }

  /** This server holds more than before: proposals that waited for it may be accepted now. */
  moved(): void {
    for (const opening of this.#graphs.values()) {
      this.#options.guard(
        opening.then(async (ballots) => {
          const { waiting } = ballots;
          if (waiting === undefined || !this.#options.host.covers(waiting.message.cover)) return;
          ballots.waiting = undefined;
          await this.#decide(waiting.from, waiting.message);
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

  // Memory.

  #remember(): Promise<void> {
    const remembered: Remembered = {
      memory: this.#memory,
      votes: this.#votes,
      known: Array.from(this.#known),
      originals: Array.from(this.#originals),
      tookOver: this.#tookOver,
    };
    return this.#options.host.writeNote(MEMORY_NOTE, toUtf8(JSON.stringify(remembered)));
  }

  /** Tells a voter which memory this server has; the caller repeats it. Nothing is sent once all is said. */
  introduce(to: string): void {
    if (this.#votes && this.#joined.get(to)?.of === this.#memory) return;
    this.#options.send(to, { kind: 'join', memory: this.#memory });
  }

  async #answerJoin(from: string, { memory }: Join): Promise<void> {
    const { send } = this.#options;
    const before = this.#known.get(from);
    if (before !== memory) {
      // STR-6: what its earlier memory said counts no longer, here or wherever this server's votes are counted.
      if (before === undefined) this.#originals.add(from);
      else this.#originals.delete(from);
      this.#known.set(from, memory);
      await this.#remember();
    }
    const states: { graph: string; state: AcceptorState }[] = [];
    for (const graph of this.#graphKeys) {
      const ballots = await this.#ballotsOf(graph);
      await ballots.durable;
      states.push({ graph, state: ballots.state });
    }
    // It asks again.
    if (this.#known.get(from) !== memory || (this.#votes && !this.#options.host.isWhole)) return;
    // One that lost its memory once cannot tell which memory of another was the first.
    const original = this.#originals.has(from) && !this.#tookOver;
    const { vector } = this.#options.host;
    const [votes, held] = this.#votes ? [true, states] : [false, []];
    send(from, { kind: 'joined', of: memory, votes, original, vector, states: held });
  }

  async #hearJoined(from: string, message: Joined): Promise<void> {
    if (message.of !== this.#memory) return;
    // The first answer of a voter is as good as later ones, whose vectors this server might never reach under load.
    if (this.#joined.get(from)?.votes !== true) this.#joined.set(from, message);
    if (this.#votes || this.#joining) return;
    const { voters, host } = this.#options;
    const answers = Array.from(this.#joined.values());
    // STR-9: the first time, when all others know this memory as the first, so that no other one has ever voted.
    const isFounding = answers.length === voters - 1 && answers.every(({ original }) => original);
    const voting = answers.filter(({ votes }) => votes);
    if (!isFounding && voting.length < majorityOf(voters)) return;
    // STR-9: what the others accepted rests on what they hold, or is already among it.
    if (!isFounding && !(host.isWhole && voting.every(({ vector }) => host.covers(vector)))) return;
    this.#joining = true;
    try {
      if (!isFounding) {
        this.#tookOver = true;
        for (const { states } of voting) for (const one of states) await this.#takeOver(one);
      }
      this.#votes = true;
      await this.#remember();
      this.#options.env.log.write('info', 'quorum: this server votes', { memory: this.#memory, founding: isFounding });
    } finally {
      this.#joining = false;
    }
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

/**
 * What servers ask each other to decide: a question goes to the coordinator by the link, and its answer, which may never come, back.
 */
import type { Env } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';
import { inSpan } from '../../base/tracer.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import type { VoterChannel } from '../replication/voter-channel.ts';
import { tooLate } from './failures.ts';
import type { Ask, Message, Reply, Request } from './message.ts';

export interface Question {
  readonly graph: string;
  readonly request: Request;
  /** `traceparent` of the request that it serves. */
  readonly trace: string;
  readonly deadlineMs: number;
}

export interface QuestionsOptions {
  readonly env: Env;
  readonly channel: Pick<VoterChannel, 'ended'>;
  readonly whenCovered: (wanted: VersionVector, patienceMs: number) => Promise<boolean>;
  readonly send: (to: string, message: Message) => void;
}

interface Asked {
  readonly to: string;
  readonly end: (reply: Reply | 'lost') => void;
}

/** Questions of one server that are remembered: more than it can have open. */
const HEARD_MAX = LIMITS.strongQueueMax;

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #asked = new Map<number, Asked>();
  /** A restarted server must not use an id again that others may remember. */
  #last: number;
  /** The last questions of every server. */
  readonly #heard = new Map<string, Set<number>>();
  /** Of what ended at others, what is here. */
  readonly #hasEnded = new WeakSet<VersionVector>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#last = options.env.random.uint32();
  }

  /** @throws WeftError `quorum-unavailable`, definite, if what the answer rests on is not here in time */
  async ask(to: string, { graph, request, trace, deadlineMs }: Question): Promise<Reply | 'lost'> {
    const { env, channel, whenCovered } = this.#options;
    const leftMs = (): number => deadlineMs - env.clock.monotonicMs();
    const patienceMs = Math.max(0, Math.ceil(leftMs()));
    // It gives up a little earlier, so that what it says then still arrives.
    const theirsMs = patienceMs - Math.floor(Math.min(LIMITS.strongResendMs, patienceMs / 10));
    const attributes = { 'weft.peer': to, 'weft.asked': request.kind };
    const span = env.tracer?.begin('quorum.ask', { parent: trace, attributes });
    const theirs = { patienceMs: theirsMs, trace: span?.traceparent ?? trace };
    const ask: Ask = { kind: 'ask', id: ++this.#last, graph, ...theirs, request };
    env.log.write('debug', 'quorum: asks the coordinator', { to, graph, request: request.kind, traceparent: trace });
    const reply = await inSpan(span, () => this.#reply(to, ask, patienceMs));
    if (reply === 'lost' || (reply.kind !== 'position' && reply.kind !== 'written')) return reply;
    // Its vectors do not name what ended, which a server that does not vote may not have yet.
    const ended = channel.ended(to);
    const isHere = this.#hasEnded.has(ended) || (await whenCovered(ended, leftMs()));
    if (isHere) this.#hasEnded.add(ended);
    else if (reply.kind === 'position') throw tooLate();
    return reply;
  }

  #reply(to: string, ask: Ask, patienceMs: number): Promise<Reply | 'lost'> {
    return new Promise((resolve) => {
      const end = (reply: Reply | 'lost') => {
        timer.cancel();
        this.#asked.delete(ask.id);
        resolve(reply);
      };
      const timer = this.#options.env.scheduler.after(patienceMs, () => end('lost'));
      this.#asked.set(ask.id, { to, end });
      this.#options.send(to, ask);
    });
  }

  answered(id: number, reply: Reply): void {
    this.#asked.get(id)?.end(reply);
  }

  /** Nobody else will answer any more. */
  loseAllBut(reachable: ReadonlySet<string>): void {
    for (const { to, end } of Array.from(this.#asked.values())) if (!reachable.has(to)) end('lost');
  }

  /** A write that is asked for twice must not happen twice: frames may be repeated. */
  isFirst(from: string, { id }: Ask): boolean {
    let heard = this.#heard.get(from);
    if (heard === undefined) {
      heard = new Set();
      this.#heard.set(from, heard);
    }
    if (heard.has(id)) return false;
    heard.add(id);
    const [oldest] = heard;
    if (heard.size > HEARD_MAX && oldest !== undefined) heard.delete(oldest);
    return true;
  }
}

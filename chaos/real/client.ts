/** One client of a run: it talks to one server at a time, hops, carries its token along, and notes all that it does. */
import type { SeededRandom } from '../../base/seeded-random.ts';
import type { Call, Level } from './entry.ts';
import type { Reply } from './http-client.ts';
import type { RealCluster } from './real-cluster.ts';
import type { Recorder } from './recorder.ts';

export interface Ask<Answered extends Call> {
  readonly call: Call;
  readonly level: Level;
  readonly isRead?: boolean;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** What a reply means; undefined if it decided nothing, so that only its outcome counts. */
  answer(reply: Reply): Answered | undefined;
}

export interface Told<Answered> {
  readonly type: 'ok' | 'fail' | 'info';
  readonly answer: Answered | undefined;
  readonly reply: Reply;
}

export interface ClientOptions {
  readonly workload: string;
  readonly cluster: RealCluster;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  /** Whether it presents what it has seen. */
  readonly hasToken?: boolean;
  /** Probability that it stays with its server from one call to the next. */
  readonly stays?: number;
}

/** A token that cannot be reached for so many calls may cover what was lost with a disk. */
const REFUSALS_MAX = 15;

export class Client {
  readonly name: string;
  readonly random: SeededRandom;
  server: string;
  token: string | undefined;
  /**
   * Goes up when the client begins anew without a token: after a write whose outcome it does not know, since a later one
   * elsewhere could be older by its stamp, and when its token cannot be reached any more.
   */
  session = 1;
  readonly #options: ClientOptions;
  #refusals = 0;

  constructor(name: string, options: ClientOptions) {
    this.name = name;
    this.#options = options;
    this.random = options.random;
    this.server = options.random.pick(options.cluster.names);
  }

  async ask<Answered extends Call>(asked: Ask<Answered>): Promise<Told<Answered>> {
    const { workload, cluster, recorder, hasToken = false } = this.#options;
    const { call, level, isRead = false, method, path, body, headers = {}, timeoutMs } = asked;
    const { server } = this;
    const id = recorder.begin({ process: this.name, workload, server, level, isRead, call });
    const reply = await cluster.http.send({
      url: cluster.clientUrl(server),
      method,
      path,
      ...(body !== undefined && { body }),
      headers: {
        ...headers,
        'consistency-level': level,
        ...(hasToken && this.token !== undefined && { 'session-token': this.token }),
      },
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    if (hasToken && reply.token !== undefined) this.token = reply.token;
    const answer = asked.answer(reply);
    const unanswered = isRead || reply.outcome === 'ok' ? 'fail' : reply.outcome;
    const type = answer !== undefined ? 'ok' : unanswered;
    const { status, code } = reply;
    recorder.end(id, type, {
      status,
      ...(code !== undefined && { code }),
      ...(answer !== undefined && { answer }),
    });
    this.#refusals = code === 'session-not-reached' ? this.#refusals + 1 : 0;
    if (hasToken && ((type === 'info' && !isRead) || this.#refusals > REFUSALS_MAX)) this.#beginAnew();
    this.#hop(type === 'ok');
    return { type, answer, reply };
  }

  #beginAnew(): void {
    this.session++;
    this.token = undefined;
    this.#refusals = 0;
  }

  #hop(wasAnswered: boolean): void {
    const { cluster, stays = 0.8 } = this.#options;
    if (this.random.chance(wasAnswered ? stays : stays / 2)) return;
    this.server = this.random.pick(cluster.names);
  }
}

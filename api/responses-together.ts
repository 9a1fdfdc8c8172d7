/**
 * Responses that leave in one piece each, and together. `end(text)` of the runtime writes head and text, and then an empty
 * chunk that tells it when they are out, and so takes the way for several chunks: a seventh of the processor time of a small
 * answer. Here the text is written before, which the socket mostly takes at once, and leaves nothing for `end` to write.
 *
 * What is ready while the sockets of one turn of the event loop are read is written when all of them are, as Redis does
 * before it sleeps: written one by one, each answer wakes a client that has just gone to sleep, which took a quarter of the
 * processor time of a point query.
 */
import { ServerResponse } from 'node:http';
import type { Scheduler } from '../base/env.ts';

type End = ServerResponse['end'];

/** The responses of one server. */
export function responsesTogether(scheduler: Scheduler): typeof ServerResponse {
  let waiting: OneWriteResponse[] = [];

  function leave(): void {
    const all = waiting;
    waiting = [];
    for (const response of all) response.leave();
  }

  return class OneOfMany extends OneWriteResponse {
    protected override ready(): void {
      if (waiting.push(this) === 1) scheduler.yield().then(leave);
    }
  } as typeof ServerResponse;
}

/** The runtime's own, which its types do not show. */
const { _storeHeader: storeHead } = ServerResponse.prototype as unknown as {
  _storeHeader(this: ServerResponse, firstLines: string, headers: unknown): void;
};

export abstract class OneWriteResponse extends ServerResponse {
  /** What is to be written; empty unless it waits. */
  #text = '';
  /** What stands in the head behind its first line. */
  #lines = '';
  /** Of the body as UTF-8. */
  #bodyBytes = 0;

  static {
    // The runtime declares it as a property, which no accessor may override. `finished` must not say so before it is true:
    // by that a server that closes finds the connections on which nothing is to come.
    Object.defineProperty(OneWriteResponse.prototype, 'writableEnded', {
      get(this: OneWriteResponse) {
        return this.finished || this.#text !== '';
      },
    });
  }

  /**
   * Writes the head of a body: `lines`, each with its end, as they are. The runtime looks at each character of headers that it is
   * given, and puts their lines together, which took a twentieth of the processor time of a write.
   */
  writeLines(lines: string, bodyBytes: number): void {
    this.#lines = lines;
    this.#bodyBytes = bodyBytes;
    // By this one it tells that it need not send the body in chunks.
    this.writeHead(this.statusCode, ['content-length', String(bodyBytes)]);
  }

  /** What `writeHead` ends with. */
  _storeHeader(firstLine: string, headers: unknown): void {
    storeHead.call(this, firstLine + this.#lines, headers);
  }

  /** Sees to it that `leave` is called soon. */
  protected abstract ready(): void;

  // biome-ignore lint/suspicious/noExplicitAny: the runtime's own takes its arguments in several orders
  override end(...given: any[]): this {
    // Who ends it again hears what the runtime says to that.
    this.leave();
    const [text, encoding, done] = given;
    const isText = typeof text === 'string' && (encoding ?? 'utf8') === 'utf8' && typeof done !== 'function';
    // A response behind others on its connection has no socket yet.
    if (!isText || text === '' || !this.headersSent || this.finished || this.socket === null) {
      return super.end(...(given as Parameters<End>));
    }
    this.#text = text;
    this.ready();
    return this;
  }

  /** Writes what waits, if anything does. */
  leave(): void {
    const { socket } = this;
    const text = this.#text;
    this.#text = '';
    if (text === '') return;
    if (socket === null || socket.writableCorked > 0) {
      super.end(text);
      return;
    }
    // Held back for the length of one call, as the runtime would hold it back until the next turn.
    socket.cork();
    // What is ASCII throughout is copied, where UTF-8 is made character by character.
    this.write(text, text.length === this.#bodyBytes ? 'latin1' : 'utf8');
    socket.uncork();
    super.end();
  }
}

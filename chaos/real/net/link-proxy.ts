/**
 * The way from one server to another: a TCP proxy that the one dials in place of the other, so that links can be broken
 * without any right on the machine and without the servers' help. Where the other listens is looked up for each connection,
 * because that changes with every start.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { World } from '../world.ts';
import type { Lane } from './lane.ts';
import { Pipe } from './pipe.ts';

const LOOPBACK = '127.0.0.1';

export interface ProxyOptions {
  readonly world: World;
  /** What the dialing server sends, and what the dialed one answers. */
  readonly lanes: { readonly there: Lane; readonly back: Lane };
  /** Port of the dialed server; undefined while it does not run. */
  target(): number | undefined;
}

export class LinkProxy {
  readonly port: number;
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #open = new Set<{ readonly ends: readonly Socket[]; readonly pipes: readonly Pipe[] }>();
  /** Connections that nobody answers, because their way is a black hole. */
  readonly #hanging = new Set<Socket>();

  private constructor(options: ProxyOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
    for (const lane of this.#lanes()) lane.onChange(() => this.#follow(lane));
  }

  static async start(options: ProxyOptions): Promise<LinkProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, LOOPBACK, resolve);
    });
    return new LinkProxy(options, server);
  }

  /** Ends every connection with a reset. @returns how many there were */
  reset(): number {
    const count = this.#open.size;
    for (const one of [...this.#open]) this.#end(one);
    return count;
  }

  async close(): Promise<void> {
    this.reset();
    for (const socket of this.#hanging) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #lanes(): readonly Lane[] {
    return [this.#options.lanes.there, this.#options.lanes.back];
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const closed = this.#lanes().find(({ fault }) => fault.isClosed);
    const held = this.#lanes().find(({ fault }) => fault.isHeld);
    const port = this.#options.target();
    if (closed !== undefined || port === undefined) {
      if (closed !== undefined) closed.touched++;
      socket.resetAndDestroy();
    } else if (held !== undefined) {
      held.touched++;
      this.#hanging.add(socket);
      socket.on('close', () => this.#hanging.delete(socket));
    } else this.#join(socket, port);
  }

  #join(dialer: Socket, port: number): void {
    const { world, lanes } = this.#options;
    const server = connect({ port, host: LOOPBACK, allowHalfOpen: true });
    for (const socket of [dialer, server]) socket.setNoDelay(true);
    const pipes = [new Pipe(world, lanes.there, [dialer, server]), new Pipe(world, lanes.back, [server, dialer])];
    const one = { ends: [dialer, server], pipes };
    this.#open.add(one);
    for (const socket of one.ends) {
      socket.on('error', () => this.#end(one));
      socket.on('close', () => this.#end(one));
    }
  }

  #end(one: { readonly ends: readonly Socket[]; readonly pipes: readonly Pipe[] }): void {
    if (!this.#open.delete(one)) return;
    for (const pipe of one.pipes) pipe.close();
    for (const socket of one.ends) if (!socket.destroyed) socket.resetAndDestroy();
  }

  #follow(lane: Lane): void {
    if (lane.fault.isClosed) lane.touched += this.reset();
    if (!lane.fault.isHeld) for (const socket of [...this.#hanging]) socket.resetAndDestroy();
  }
}

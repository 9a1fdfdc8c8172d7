/** Three servers of one cluster, in processes of their own. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

/** Free ports, reserved one after the other. */
export async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const socket of sockets) {
    if (!socket.listening) await once(socket, 'listening');
    ports.push((socket.address() as AddressInfo).port);
  }
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.close(resolve))));
  return ports;
}

/** A cluster on loopback, linked. */
export async function threeServers(): Promise<ServerProcess[]> {
  const ports = await freePorts(3);
  const servers = await Promise.all(
    ports.map((port, i) => {
      const peers = ports.filter((other) => other !== port).map((other) => `http://127.0.0.1:${other}`);
      const args = [
        '--port',
        String(port),
        '--name',
        `server-${i}`,
        '--peers',
        peers.join(','),
        '--cluster-secret',
        'b',
      ];
      return ServerProcess.weft(temporaryDirectory('data'), args);
    }),
  );
  for (const { port } of servers) {
    for (let up = 0; up < 2; ) up = (await metric(port, 'weft_links_up')) ?? 0;
  }
  return servers;
}

/** A value of `/metrics`; undefined if it is not there. */
export async function metric(port: number, name: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const value = new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

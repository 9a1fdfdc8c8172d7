/** The peer of the session channel, a program: `ws` as it comes, which answers every message with as many bytes as weft does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const ANSWER = Buffer.alloc(Number(process.argv[2]), 0x78);

const http = createServer();
new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', (socket) => {
  socket.on('message', (message: Buffer) => {
    // Its own answer, with the id of the request in it, as every protocol with many requests in flight needs.
    const answer = Buffer.from(ANSWER);
    answer[4] = message[4] as number;
    socket.send(answer);
  });
});
http.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${(http.address() as AddressInfo).port}`);
});
process.on('SIGTERM', () => process.exit(0));

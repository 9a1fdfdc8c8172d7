/**
 * A program that breaks the way between two namespaces in each way there is, and prints what became of it; no server takes part. It
 * is what `namespace-net.test.ts` looks at, and runs in namespaces of its own like a run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { buildEnv } from '../../../bin/env.ts';
import { World } from '../world.ts';
import type { LaneFault } from './lane.ts';
import { NamespaceNet } from './namespace-net.ts';
import { netnsAbilities } from './netns-abilities.ts';

const DATAGRAMS = 20;
/** Far longer than a packet takes to the other namespace; and for what should arrive, on a machine with other work. */
const [HANGS_MS, ARRIVES_MS_MAX] = [400, 30_000];

/** Answers each connection, counts datagrams, dials and sends as it is told; its ports are those of a server. */
const AGENT = `
  const { createServer, connect } = require('node:net');
  let heard = 0;
  const socket = require('node:dgram').createSocket('udp4').on('message', () => heard++).on('error', () => {});
  const server = createServer((socket) => socket.on('error', () => {}).end('answered'));
  socket.bind(7400, () => server.listen(7400, '0.0.0.0', () => process.send('ready')));
  process.on('disconnect', () => process.exit());
  process.on('message', ([what, host, limitMs]) => {
    if (what === 'heard') process.send(heard);
    if (what === 'send') {
      for (let i = 0; i < ${DATAGRAMS}; i++) socket.send('x'.repeat(1000), 7400, host, () => {});
      process.send('sent');
    }
    if (what === 'dial') {
      const dialer = connect({ host, port: 7400 });
      const tell = (outcome) => { clearTimeout(timer); dialer.destroy(); process.send(outcome); };
      const timer = setTimeout(tell, Number(limitMs), 'hangs');
      dialer.once('data', (bytes) => tell(String(bytes)));
      dialer.on('error', ({ code }) => tell(code));
    }
  });`;

type Name = 'one' | 'two';

const world = new World(buildEnv('error'), 1);
const abilities = netnsAbilities();
if ('impossible' in abilities) throw new Error(abilities.impossible);
const net = await NamespaceNet.start(abilities, ['one', 'two']);
const agents = { one: await agent('one'), two: await agent('two') };

async function agent(name: Name): Promise<ChildProcess> {
  const [command = '', ...args] = [...net.place(name).wrapper, process.execPath, '-e', AGENT];
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

function tell(name: Name, ...order: readonly string[]): Promise<unknown> {
  const told = new Promise((resolve) => agents[name].once('message', resolve));
  agents[name].send(order);
  return told;
}

const address = (from: Name, to: Name) => new URL(net.url(from, to)).hostname;
const dial = (limitMs = ARRIVES_MS_MAX) => tell('one', 'dial', address('one', 'two'), String(limitMs));
const heard = async (name: Name) => Number(await tell(name, 'heard'));

/** What a connection from `one` comes to, and how many datagrams arrive each way, while the way from `one` to `two` is spoilt. */
async function trial(fault: LaneFault): Promise<object> {
  const impossible = net.abilities.lacks(fault);
  if (impossible !== undefined) return { impossible };
  const mend = await net.way('one', 'two').spoil(fault);
  const before = { one: await heard('one'), two: await heard('two') };
  await tell('one', 'send', address('one', 'two'));
  await tell('two', 'send', address('two', 'one'));
  const isLost = fault.isHeld === true || fault.lossRate === 1;
  const dialed = await dial(isLost ? HANGS_MS : ARRIVES_MS_MAX);
  const hasAll = async () => (await heard('one')) >= before.one + DATAGRAMS;
  await world.until(fault.isUnplugged ? HANGS_MS : ARRIVES_MS_MAX, hasAll, 10);
  const [back, there] = [(await heard('one')) - before.one, (await heard('two')) - before.two];
  const affected = await mend();
  return { dialed, there, back, affected, after: await dial() };
}

/** The kernel forgets what it keeps for a device when that is down; what is still wrong must be so again. */
async function overlap(): Promise<object> {
  const letGo = await net.way('one', 'two').spoil({ isHeld: true });
  const plugIn = await net.way('one', 'two').spoil({ isUnplugged: true });
  await plugIn();
  const dialed = await dial(HANGS_MS);
  await letGo();
  return { dialed, after: await dial() };
}

const trials = {
  calm: await trial({}),
  held: await trial({ isHeld: true }),
  lost: await trial({ lossRate: 1 }),
  closed: await trial({ isClosed: true }),
  unplugged: await trial({ isUnplugged: true }),
  narrow: await trial({ bytesPerSecond: 100_000 }),
  late: await trial({ delayMs: 10 }),
  'held and unplugged': await overlap(),
};
console.log(JSON.stringify(trials));
process.exit();

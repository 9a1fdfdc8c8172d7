/**
 * One offline replica as an application has it: the published one, over LevelDB and real sockets, in a process of its own,
 * so that it can be killed. `device-process.js FOLDER PLANT TOKEN AWAY-MS URL...` takes orders over the channel to its parent. One that
 * was away is one whose disk says so.
 */
import { WebSocket } from 'ws';
import { WeftError } from '../../../base/errors.ts';
import type { NodeId } from '../../../base/ids.ts';
import { ambientPlatform } from '../../../client/ambient.ts';
import { LevelLocalStore } from '../../../client/level-local-store.ts';
import { readReplica, rows } from '../../../client/replica-rows.ts';
import { WeftReplica } from '../../../client/weft-replica.ts';
import type { Operation } from '../../../graph/model.ts';
import { isList, type Value } from '../../../graph/value.ts';
import { isPlantedName } from '../../planted-bugs.ts';
import { type Answer, CLAIM, COUNTER, type Numbered, type Order, SCOPE, SET, type Shown } from './orders.ts';

const [folder = '', plant = '', token = '', awayMs = '0', ...urls] = process.argv.slice(2);

const store = await LevelLocalStore.open(folder);
await goAway(Number(awayMs));

const replica = await WeftReplica.open({
  urls,
  token,
  scopes: [SCOPE],
  store,
  platform: ambientPlatform({ WebSocket }),
  bugs: new Set(isPlantedName(plant) ? [plant] : []),
});

/** Makes it one that was last in step so long ago. */
async function goAway(ms: number): Promise<void> {
  const { meta } = await readReplica(store);
  if (ms === 0 || meta === undefined || meta.syncedMs === 0) return;
  await store.write([rows.meta({ ...meta, syncedMs: Math.max(1, meta.syncedMs - ms) })]);
}

async function obey(order: Order): Promise<void> {
  if (order.do === 'connect') replica.connect();
  else if (order.do === 'disconnect') replica.disconnect();
  else if (order.do === 'add') await replica.write([adding(order.member)]);
  else if (order.do === 'claim') {
    const properties = { key: order.member };
    const node = { op: 'createNode', id: order.node as NodeId, labels: [CLAIM], properties } as const;
    await replica.write([adding(order.member), node]);
  } else if (order.do === 'rest') {
    const seen = { kind: 'set', value: true } as const;
    await replica.write([adding(order.member), { op: 'patchNode', id: order.node as NodeId, properties: { seen } }]);
  } else if (order.do === 'increment') {
    const count = { kind: 'increment', by: order.by } as const;
    await replica.write([{ op: 'patchNode', id: COUNTER as NodeId, properties: { count } }]);
  }
}

function adding(member: string): Operation {
  const members = { kind: 'members', add: [member], remove: [] } as const;
  return { op: 'patchNode', id: SET as NodeId, properties: { members } };
}

/** What `adding` added, of a batch that came back. */
function memberOf([first]: readonly Operation[]): string {
  const members = first?.op === 'patchNode' ? first.properties?.members : undefined;
  return members?.kind === 'members' ? members.add.map(String).join() : (first?.op ?? 'nothing');
}

function shown(): Shown {
  const { state, pending, refusals } = replica.status;
  const members: Value | undefined = replica.node(SET)?.properties.members;
  return {
    state,
    pending,
    refused: refusals.map(({ operations }) => memberOf(operations)),
    members: members !== undefined && isList(members) ? members.map(String) : undefined,
  };
}

process.on('message', async ({ number, order }: Numbered) => {
  let answer: Answer;
  try {
    await obey(order);
    answer = { number, shown: shown() };
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    answer = { number, code: error.code };
  }
  process.send?.(answer);
});
// A run that is gone leaves no devices behind.
process.on('disconnect', () => process.exit());

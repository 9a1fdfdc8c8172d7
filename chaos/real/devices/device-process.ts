/**
 * One offline replica as an application has it: the published one, over LevelDB and real sockets, in a process of its own,
 * so that it can be killed. `device-process.js FOLDER PLANT TOKEN URL...` takes orders over the channel to its parent.
 */
import { WebSocket } from 'ws';
import { WeftError } from '../../../base/errors.ts';
import type { NodeId } from '../../../base/ids.ts';
import { ambientPlatform } from '../../../client/ambient.ts';
import { LevelLocalStore } from '../../../client/level-local-store.ts';
import { WeftReplica } from '../../../client/weft-replica.ts';
import { isList, type Value } from '../../../graph/value.ts';
import { isPlantedName } from '../../planted-bugs.ts';
import { type Answer, COUNTER, type Numbered, type Order, SCOPE, SET, type Shown } from './orders.ts';

const [folder = '', plant = '', token = '', ...urls] = process.argv.slice(2);

const replica = await WeftReplica.open({
  urls,
  token,
  scopes: [SCOPE],
  store: await LevelLocalStore.open(folder),
  platform: ambientPlatform({ WebSocket }),
  bugs: new Set(isPlantedName(plant) ? [plant] : []),
});

async function obey(order: Order): Promise<void> {
  if (order.do === 'connect') replica.connect();
  else if (order.do === 'disconnect') replica.disconnect();
  else if (order.do === 'add') {
    const members = { kind: 'members', add: [order.member], remove: [] } as const;
    await replica.write([{ op: 'patchNode', id: SET as NodeId, properties: { members } }]);
  } else if (order.do === 'increment') {
    const count = { kind: 'increment', by: order.by } as const;
    await replica.write([{ op: 'patchNode', id: COUNTER as NodeId, properties: { count } }]);
  }
}

function shown(): Shown {
  const { state, pending, refusals } = replica.status;
  const members: Value | undefined = replica.node(SET)?.properties.members;
  return {
    state,
    pending,
    refused: refusals.length,
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

/** Devices once everything is healed: they come back, get rid of what they hold, and show what servers show. */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { digestOfGraph } from '../../crdt/digest.ts';
import { isList, type Properties } from '../../graph/value.ts';
import type { Arena } from '../arena.ts';
import { DEFAULT, propertiesIfThere } from '../client.ts';
import type { OfflineHistory } from '../history.ts';
import { refusedBy, SHARED } from '../workloads/offline.ts';
import type { Device } from './device.ts';
import { LOCKED_SCOPE, OPEN_SCOPE } from './run.ts';

/** The longest pause between two tries, some fail-overs, what servers that come back need, and how long a device looks for what may be lost. */
const PATIENCE_MS = 90_000 + LIMITS.refetchPatienceMs;
const LOOK_MS = 200;

/** Brings all devices back, and waits until servers have what they wrote. */
export async function devicesReturn({ cluster, devices }: Arena): Promise<void> {
  const { timeline } = cluster;
  const startMs = timeline.nowMs;
  for (const device of devices) {
    device.clock.correct();
    device.reset();
    device.setOnline(true);
    await device.start();
  }
  do {
    // First of all, so that each has heard that its connection was reset.
    await timeline.sleep(LOOK_MS);
  } while (timeline.nowMs - startMs < PATIENCE_MS && !devices.every(isDone));
}

function isDone({ replica }: Device): boolean {
  return replica?.status.state === 'live' && replica.status.pending === 0;
}

/** Compares devices with servers, which agree by now. */
export async function endOffline({ cluster, devices, offline }: Arena): Promise<OfflineHistory> {
  const { timeline, servers } = cluster;
  const [server] = servers;
  if (server === undefined) throw new Error('there is no server');
  const expected = async () => {
    const { partitions } = await cluster.ask(server, (engine) => engine.graph(DEFAULT).digest());
    const open = Object.entries(partitions).filter(([id]) => id === OPEN_SCOPE || id === LOCKED_SCOPE);
    return digestOfGraph(Object.fromEntries(open));
  };
  const startMs = timeline.nowMs;
  const agree = async () => {
    if (!devices.every(isDone)) return false;
    const digest = await expected().catch(whileItTakesOver);
    if (digest === undefined) return false;
    for (const { replica } of devices) if ((await replica?.digest()) !== digest) return false;
    return true;
  };
  const isEarly = () => timeline.nowMs - startMs < PATIENCE_MS;
  let ends: OfflineHistory['ends'];
  do {
    while (isEarly() && !(await agree())) await timeline.sleep(LOOK_MS);
    const digest = await expected();
    ends = await Promise.all(
      devices.map(async ({ name, replica }) => ({
        device: name,
        state: replica === undefined ? 'down' : `${replica.status.state} ${replica.status.reason}`.trim(),
        pending: replica?.status.pending ?? 0,
        refused: replica === undefined ? [] : [...refusedBy(replica, offline)],
        digest: (await replica?.digest()) ?? '',
        expected: digest,
      })),
    );
    // A device may have given a silent connection up since it was asked.
  } while (isEarly() && ends.some(({ state }) => state !== 'live'));
  const shared = await cluster.ask(server, (engine) => propertiesIfThere(engine.graph(DEFAULT), SHARED));
  return {
    batches: [...offline.batches.values()],
    evidence: offline.evidence,
    disksAreLost: offline.disksAreLost,
    ends,
    members: shared && membersIn(shared),
    count: typeof shared?.count === 'number' ? shared.count : 0,
  };
}

/** A link that comes back late may make a server ask for a state once more, and refuse reads until it has it. */
function whileItTakesOver(error: unknown): undefined {
  if (!(error instanceof WeftError) || error.code !== 'replica-recovering') throw error;
}

function membersIn({ members }: Properties): string[] {
  return members !== undefined && isList(members) ? members.map(String) : [];
}

/**
 * Devices with offline replicas that write, go away, come back, crash, are away for very long, have wrong clocks, and write
 * what they may not. All of them count in one node, each batch together with a member of its own.
 */
import { WeftError } from '../../base/errors.ts';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { WeftReplica } from '../../client/weft-replica.ts';
import type { Node, Operation } from '../../graph/model.ts';
import { isList } from '../../graph/value.ts';
import type { Arena, Workload } from '../arena.ts';
import { putNode } from '../client.ts';
import { Died, Unreachable } from '../cluster.ts';
import type { OfflineBatch } from '../history.ts';
import type { Device } from '../offline/device.ts';
import { LOCKED_SCOPE, type OfflineRun, OPEN_SCOPE } from '../offline/run.ts';

export const SHARED = `${OPEN_SCOPE}shared`;
const AWAY_MS = LIMITS.tombstoneRetentionMs + 24 * 3600 * 1000;
const SKEW_MS_MAX = 24 * 3600 * 1000;
const CRASHED_MS = 2_000;
const CUT_MS = 3_000;
/** A write to a device's disk, and a way to a server. */
const WRITING_MS = 40;

export const offline: Workload = {
  name: 'offline',
  setup: [putNode(SHARED)],
  start: (arena) => arena.devices.map((device) => user(arena, device, arena.offline)),
};

async function user(arena: Arena, device: Device, run: OfflineRun): Promise<void> {
  const { timeline } = arena.cluster;
  const { random } = device;
  const person = new Person(device, run);
  await device.start();
  for (;;) {
    await timeline.sleep(random.gap(arena.thinkMs));
    if (arena.isOver) return;
    arena.nextOperation();
    const choice = random.between(0, 1);
    if (choice < 0.5) await person.write(random.chance(0.1));
    else if (choice < 0.7) await person.look();
    else if (choice < 0.84) device.setOnline(!device.isOnline);
    else if (choice < 0.9) {
      const mend = device.cut();
      timeline.after(random.gap(CUT_MS), mend);
    } else if (choice < 0.94) device.clock.skewMs = random.between(-SKEW_MS_MAX, SKEW_MS_MAX);
    else {
      const isWriting = random.chance(0.6);
      if (isWriting) {
        void person.write(false);
        await timeline.sleep(random.between(0, WRITING_MS));
      }
      await person.crash(random.chance(0.3), random.gap(CRASHED_MS), timeline);
    }
  }
}

class Person {
  readonly #device: Device;
  readonly #run: OfflineRun;
  /** It began anew, perhaps on servers that lost what it knew. */
  #isAnew = false;
  readonly #nodes: string[] = [];

  constructor(device: Device, run: OfflineRun) {
    this.#device = device;
    this.#run = run;
  }

  get #own(): OfflineBatch[] {
    return [...this.#run.batches.values()].filter(({ device }) => device === this.#device.name);
  }

  async write(isBad: boolean): Promise<void> {
    const device = this.#device;
    const batch = this.#run.begin(device.name, isBad);
    const id = `${isBad ? LOCKED_SCOPE : OPEN_SCOPE}${batch.member}`;
    const old = device.random.chance(0.4) && this.#nodes.length > 0 ? device.random.pick(this.#nodes) : undefined;
    const operations: Operation[] = [
      {
        op: 'patchNode',
        id: SHARED as NodeId,
        properties: {
          members: { kind: 'members', add: [batch.member], remove: [] },
          count: { kind: 'increment', by: 1 },
        },
      },
      { op: 'createNode', id: id as NodeId, labels: ['Made'], properties: { by: device.name } },
      {
        op: 'createEdge',
        id: `edge-${batch.member}` as EdgeId,
        type: 'OF',
        from: id as NodeId,
        to: SHARED as NodeId,
        properties: {},
      },
    ];
    if (old !== undefined) operations.push({ op: 'deleteNode', id: old as NodeId, detach: true });
    device.say(`writes ${batch.member}${isBad ? ', which it may not' : ''}`);
    try {
      await device.ask((replica) => replica.write(operations));
      batch.outcome = 'ok';
      if (!isBad) this.#nodes.push(id);
      if (old !== undefined) this.#nodes.splice(this.#nodes.indexOf(old), 1);
    } catch (error) {
      // Whether a crash came before or after its row was durable is not known.
      if (error instanceof Died) return;
      if (!(error instanceof WeftError || error instanceof Unreachable)) throw error;
      batch.outcome = 'failed';
    }
    device.say(`${batch.member}: ${batch.outcome}`);
  }

  /** What was written here and not refused is shown, and what was refused is not. */
  async look(): Promise<void> {
    const device = this.#device;
    const seen = await device
      .ask(async (replica) => ({
        state: replica.status.state,
        members: membersOf(replica.node(SHARED)),
        refused: refusedBy(replica, this.#run),
      }))
      .catch((error: unknown) => {
        if (error instanceof Died || error instanceof Unreachable) return undefined;
        throw error;
      });
    if (seen === undefined) return;
    for (const batch of this.#own) {
      const { member, outcome, repeats } = batch;
      const isRefused = seen.refused.has(member);
      const isShown = seen.members.has(member);
      if (isRefused && !batch.isBad && !repeats && !this.#run.disksAreLost) this.#report(`${member} was refused`);
      if (isRefused && isShown && !repeats) this.#report(`${member} was refused and is shown`);
      // Until all of what it was told to fetch anew has come, it shows what has, and its own writes as far as they show by themselves.
      const isFetching = this.#isAnew && seen.state === 'syncing';
      const mayBeLost = isFetching || (this.#isAnew && this.#run.disksAreLost);
      if (outcome === 'ok' && !isRefused && !isShown && !mayBeLost) this.#report(`${member} is not shown`);
      if (outcome === 'failed' && isShown) this.#report(`${member} failed and is shown`);
    }
  }

  #report(what: string): void {
    this.#run.evidence.push(`${this.#device.name}: ${what}`);
    this.#device.say(`EVIDENCE ${what}`);
  }

  async crash(isAway: boolean, downMs: number, timeline: Arena['cluster']['timeline']): Promise<void> {
    const device = this.#device;
    device.crash();
    await timeline.sleep(downMs);
    if (isAway) {
      this.#isAnew = true;
      // Those without a receipt may be on some server or not.
      for (const { operations } of await device.age(AWAY_MS)) {
        const batch = this.#run.batchOf(JSON.stringify(operations[0]));
        if (batch !== undefined) batch.repeats = true;
      }
    }
    await device.start();
  }
}

export function membersOf(node: Node | undefined): ReadonlySet<string> {
  const members = node?.properties.members;
  return new Set(members !== undefined && isList(members) ? members.map(String) : []);
}

export function refusedBy(replica: WeftReplica, run: OfflineRun): ReadonlySet<string> {
  const batches = replica.status.refusals.map(({ operations }) => run.batchOf(JSON.stringify(operations[0])));
  return new Set(batches.flatMap((batch) => batch?.member ?? []));
}

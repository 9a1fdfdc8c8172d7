/**
 * One direction of a link between two network namespaces, broken by the kernel. What is wrong is a set of measures, each of
 * which is taken and taken back by a command in the namespace of an end.
 */
import { spawn } from 'node:child_process';
import { both, type LaneFault } from './lane.ts';
import type { Way } from './net.ts';
import type { NetTool } from './netns-abilities.ts';

/** One end of a link; without a namespace it is in that of the run. */
export interface End {
  readonly namespace: string | undefined;
  readonly device: string;
  readonly address: string;
}

interface Measure {
  readonly on: readonly string[];
  readonly off: readonly string[];
  /** How often it has made a difference so far, since it was taken or before. */
  count(): Promise<number>;
  /** Whether that is nothing before it was taken. */
  readonly isCountedFromZero?: boolean;
}

/** Nobody has this hardware address: what is sent to it is lost, and the sender is not told. */
const NOBODY = '02:00:00:00:00:01';
/** One packet, so that a narrow way is even. */
const BURST_BYTES = 2_000;
/** What waits for a narrow way, before the kernel drops more. */
const WAITING_BYTES_MAX = 64_000;
/** What waits for a late way: far more than a run sends. */
const WAITING_PACKETS_MAX = 100_000;
/** Packets must come apart in time to overtake each other. */
const REORDER_DELAY_MS = 20;

export class NamespaceWay implements Way {
  readonly #from: End;
  readonly #to: End;
  readonly #tools: ReadonlySet<NetTool>;
  readonly #faults = new Set<LaneFault>();
  #taken: ReadonlyMap<string, Measure> = new Map();
  /** Connections that were reset here, since nothing else counts them. */
  #killed = 0;
  /** Changes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(from: End, to: End, tools: ReadonlySet<NetTool>) {
    this.#from = from;
    this.#to = to;
    this.#tools = tools;
  }

  async spoil(fault: LaneFault): Promise<() => Promise<number>> {
    const own = { ...fault };
    const before = this.#killed;
    this.#faults.add(own);
    await this.#change();
    const measures = [...this.#measuresOf(own).values()];
    const counts = await Promise.all(measures.map((one) => (one.isCountedFromZero ? 0 : one.count())));
    return async () => {
      const now = await Promise.all(measures.map((measure) => measure.count()));
      const counted = now.reduce((sum, count, i) => sum + Math.max(0, count - (counts[i] ?? 0)), 0);
      this.#faults.delete(own);
      await this.#change();
      return counted + this.#killed - before;
    };
  }

  /** Resets the connections that this end has with the other. */
  async reset(): Promise<number> {
    const killed = await inside(this.#from, ['ss', '-KHnt', 'dst', this.#to.address]);
    return killed.split('\n').filter(Boolean).length;
  }

  #change(): Promise<void> {
    const changed = this.#last.then(async () => {
      const wanted = this.#measuresOf([...this.#faults].reduce(both, {}));
      const isReplugged = this.#taken.has('unplugged') && !wanted.has('unplugged');
      for (const [key, { off }] of this.#taken) if (!wanted.has(key)) await inside(this.#from, off);
      for (const [key, { on }] of wanted) {
        // What the kernel keeps for a device is gone when it was down.
        if (isReplugged || !this.#taken.has(key)) await inside(this.#from, on);
      }
      if (wanted.has('closed') && !this.#taken.has('closed')) this.#killed += await this.reset();
      this.#taken = wanted;
    });
    this.#last = changed.catch(() => undefined);
    return changed;
  }

  /** All measures by what they do, with their settings. */
  #measuresOf(fault: LaneFault): ReadonlyMap<string, Measure> {
    const [{ device }, { address }] = [this.#from, this.#to];
    const measures = new Map<string, Measure>();
    if (fault.isUnplugged) {
      measures.set('unplugged', {
        on: ['ip', 'link', 'set', device, 'down'],
        off: ['ip', 'link', 'set', device, 'up'],
        isCountedFromZero: true,
        // The other end is told by the kernel.
        count: async () =>
          (await inside(this.#to, ['ip', 'link', 'show', this.#to.device])).includes('NO-CARRIER') ? 1 : 0,
      });
    }
    if (fault.isHeld) {
      const neighbor = ['ip', 'neigh', 'replace', address, 'lladdr'];
      measures.set('held', {
        on: [...neighbor, NOBODY, 'dev', device, 'nud', 'permanent'],
        off: ['ip', 'neigh', 'del', address, 'dev', device],
        count: () => this.#sent(),
      });
    }
    if (fault.isClosed) {
      measures.set('closed', {
        on: ['ip', 'route', 'replace', 'unreachable', `${address}/32`],
        off: ['ip', 'route', 'del', 'unreachable', `${address}/32`],
        count: () => Promise.resolve(0),
      });
    }
    const loss = fault.lossRate ?? 0;
    const isLostByNft = loss > 0 && this.#tools.has('nft');
    if (isLostByNft) measures.set(`lost ${loss}`, this.#lossOf(loss));
    const queue = this.#queueOf(isLostByNft ? { ...fault, lossRate: 0 } : fault);
    if (queue !== undefined) {
      measures.set(queue.join(' '), {
        on: ['tc', 'qdisc', 'replace', 'dev', device, 'root', ...queue],
        off: ['tc', 'qdisc', 'del', 'dev', device, 'root'],
        count: () => (queue[0] === 'tbf' ? this.#overLimit() : this.#sent()),
      });
    }
    return measures;
  }

  /** How packets queue at the device; undefined if as always. */
  #queueOf(fault: LaneFault): readonly string[] | undefined {
    const { delayMs = 0, jitterMs = 0, lossRate = 0, duplicateRate = 0, corruptRate = 0, bytesPerSecond } = fault;
    const { reorderRate = 0 } = fault;
    const percent = (rate: number) => `${rate * 100}%`;
    const lateMs = Math.max(delayMs + jitterMs / 2, reorderRate > 0 ? REORDER_DELAY_MS : 0);
    const netem = [
      ...(lateMs > 0 ? ['delay', `${lateMs}ms`, ...(jitterMs > 0 ? [`${jitterMs / 2}ms`] : [])] : []),
      // These come at once, and so before earlier ones.
      ...(reorderRate > 0 ? ['reorder', percent(reorderRate)] : []),
      ...(lossRate > 0 ? ['loss', percent(lossRate)] : []),
      ...(duplicateRate > 0 ? ['duplicate', percent(duplicateRate)] : []),
      ...(corruptRate > 0 ? ['corrupt', percent(corruptRate)] : []),
    ];
    const rate = bytesPerSecond === undefined ? [] : ['rate', `${bytesPerSecond * 8}bit`];
    if (netem.length > 0) return ['netem', 'limit', String(WAITING_PACKETS_MAX), ...netem, ...rate];
    if (rate.length === 0) return undefined;
    if (!this.#tools.has('tbf')) return ['netem', ...rate];
    return ['tbf', ...rate, 'burst', String(BURST_BYTES), 'limit', String(WAITING_BYTES_MAX)];
  }

  /** Dropped where they arrive: who sends is told of what its own namespace drops. */
  #lossOf(rate: number): Measure {
    const chain = `from-${this.#to.device}`;
    const there = (script: string) => ['nft', script];
    const some = rate < 1 ? `numgen random mod 10000 < ${Math.round(rate * 10_000)} ` : '';
    const on = [
      'add table inet weft',
      `add chain inet weft ${chain} { type filter hook input priority 0; }`,
      `flush chain inet weft ${chain}`,
      `add rule inet weft ${chain} iifname "${this.#to.device}" ${some}counter drop`,
    ];
    const off = `flush chain inet weft ${chain}; delete chain inet weft ${chain}`;
    return {
      on: entering(this.#to, there(on.join('; '))),
      off: entering(this.#to, there(off)),
      count: async () => {
        const listed = await inside(this.#to, there(`list chain inet weft ${chain}`));
        return Number(/counter packets (\d+)/.exec(listed)?.[1] ?? 0);
      },
    };
  }

  /** Packets that have left this end; what becomes of them is another matter. */
  async #sent(): Promise<number> {
    const listed = await inside(this.#from, ['ip', '-s', 'link', 'show', this.#from.device]);
    return Number(/TX:.*\n\s*\d+\s+(\d+)/.exec(listed)?.[1] ?? 0);
  }

  /** Packets that had to wait, or were dropped, because more came than may pass. */
  async #overLimit(): Promise<number> {
    const listed = await inside(this.#from, ['tc', '-s', 'qdisc', 'show', 'dev', this.#from.device]);
    return Number(/overlimits (\d+)/.exec(listed)?.[1] ?? 0);
  }
}

export const namespaceFile = (namespace: string) => `/run/netns/${namespace}`;

/** A command that does its work in the namespace of an end. */
function entering({ namespace }: End, command: readonly string[]): readonly string[] {
  return ['nsenter', `--net=${namespace === undefined ? '/proc/self/ns/net' : namespaceFile(namespace)}`, ...command];
}

function inside(end: End, command: readonly string[]): Promise<string> {
  return execute(command[0] === 'nsenter' || end.namespace === undefined ? command : entering(end, command));
}

/** @throws Error with what the command says if it fails: a fault that does not come about must not go unnoticed */
export function execute([command = '', ...args]: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${[command, ...args].join(' ')}: ${stderr.trim() || code}`));
    });
    // It may end before it has read all.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

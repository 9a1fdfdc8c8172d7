/**
 * A disk of a server's own, of which power can be cut and which can stand still: a file with an ext4 file system, mounted over
 * the server's folder. What was written but not synced is in memory, as pages of that file system; the file has what a disk
 * would have. So a copy of the file, made when the process is dead, is the disk after a power cut.
 *
 * The file lies in a file system of its own. When that is frozen the disk stands still: writes go to memory as ever, syncs hang.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const MEGABYTES = 256;
/** For two of them, one of which is going. */
const SHELF_MEGABYTES = 3 * MEGABYTES;
/**
 * The journal is written when somebody syncs, not every five seconds; a file that takes the place of another one is not
 * synced as a favour, which other file systems do not do either; and nobody waits for a time stamp to be written.
 */
const MOUNT_OPTIONS = 'loop,commit=300,noauto_da_alloc,noatime,lazytime';
/** Attempts to copy a file that the kernel is writing back to just then. */
const COPIES_MAX = 50;
const TRACE = 'not-synced';
/** Then it goes on, whatever became of its owner: whoever looks at its folder may hang as well. */
const FROZEN_SECONDS_MAX = 90;

/**
 * Holds the mounts: the disk over $0, the shelf on which its file lies over $1. Orders come over its standard input; when that is
 * closed, by whatever end of its owner, the disk goes on and is taken away.
 */
const KEEPER = `
  trap '' INT TERM HUP
  disk="$0" shelf="$1" shelf_image="$2" image="$3" number=0 guard=
  put_in() { cp --sparse=always "$image" "$shelf/$number" && rm "$image" && mount -t ext4 -o ${MOUNT_OPTIONS} "$shelf/$number" "$disk"; }
  take_out() { umount "$disk" 2> /dev/null || umount --lazy "$disk"; }
  answer() { if [ $? = 0 ]; then echo done; else echo failed; fi; }
  mount -t ext4 -o loop,discard "$shelf_image" "$shelf" && put_in
  answer
  while read -r order; do
    case $order in
      freeze)
        (sleep ${FROZEN_SECONDS_MAX}; fsfreeze --unfreeze "$shelf") > /dev/null 2>&1 &
        guard=$!
        fsfreeze --freeze "$shelf"; answer ;;
      thaw) kill -s KILL $guard 2> /dev/null; fsfreeze --unfreeze "$shelf" 2> /dev/null; echo done ;;
      swap) take_out && rm "$shelf/$number" && number=$((number + 1)) && put_in; answer ;;
      write) (echo trace > "$disk/${TRACE}" && echo written) & ;;
      sync) (echo trace > "$disk/${TRACE}" && sync "$disk/${TRACE}"; rm -f "$disk/${TRACE}"; echo written) & ;;
    esac
  done
  [ -z "$guard" ] || kill -s KILL $guard 2> /dev/null
  fsfreeze --unfreeze "$shelf" 2> /dev/null
  take_out
  umount "$shelf" 2> /dev/null || umount --lazy "$shelf"`;

export class OwnDisk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #images: string;
  #keeper: Keeper | undefined;
  #isFrozen = false;

  /** @param images for its files; made if it is not there */
  constructor(folder: string, images: string) {
    this.folder = folder;
    this.#images = images;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Puts it in, empty. */
  async mount(): Promise<void> {
    const [shelf, shelfImage] = [join(this.#images, 'shelf'), join(this.#images, 'shelf.img')];
    mkdirSync(shelf, { recursive: true });
    await makeFileSystem(shelfImage, SHELF_MEGABYTES, ['-O', '^has_journal']);
    await makeFileSystem(this.#next, MEGABYTES, []);
    this.#keeper = await Keeper.start([this.folder, shelf, shelfImage, this.#next]);
    rmSync(join(this.folder, 'lost+found'), { recursive: true });
    sync(this.folder);
  }

  /** From now on syncs hang, and whoever reads the folder may, too. */
  async freeze(): Promise<void> {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    await this.#mounted.order('freeze');
    this.#mounted.begin('sync');
  }

  /** @returns whether a sync hung as long as it stood still */
  async thaw(): Promise<boolean> {
    if (!this.#isFrozen) return false;
    const hung = !this.#mounted.hasWritten;
    await this.#mounted.order('thaw');
    this.#isFrozen = false;
    await this.#mounted.whenWritten();
    return hung;
  }

  /**
   * Cuts the power of whatever uses the disk.
   * @param end ends it: at once, but a process that waits for a disk that stands still is gone only when that goes on
   * @returns what shows that something was lost; undefined if nothing does
   */
  async cut(end: () => Promise<unknown>): Promise<string | undefined> {
    if (!this.#isFrozen) {
      this.#mounted.begin('write');
      await this.#mounted.whenWritten();
    }
    const ended = end();
    await this.#copy();
    const hung = await this.thaw();
    await ended;
    await this.#mounted.order('swap');
    const left = statSync(join(this.folder, TRACE), { throwIfNoEntry: false })?.size;
    rmSync(join(this.folder, TRACE), { force: true });
    if (left !== undefined && left > 0) return undefined;
    const lost = `a file that was written and not synced is ${left === undefined ? 'gone' : 'empty'}`;
    return hung ? `a sync hung, and ${lost}` : lost;
  }

  /** Takes it out, and leaves what was on it in the folder. Nobody uses it any more. */
  async takeOut(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    await this.thaw();
    this.#keeper = undefined;
    const aside = `${this.folder}-aside`;
    try {
      cpSync(this.folder, aside, { recursive: true });
    } finally {
      await keeper.end();
    }
    rmSync(this.folder, { recursive: true });
    renameSync(aside, this.folder);
    rmSync(this.#images, { recursive: true });
  }

  /** What is put in next. */
  get #next(): string {
    return join(this.#images, 'next.img');
  }

  get #mounted(): Keeper {
    if (this.#keeper === undefined) throw new Error(`${this.folder} has no disk of its own`);
    return this.#keeper;
  }

  /** As it is at one moment: while the kernel writes to it, it is copied again. */
  async #copy(): Promise<void> {
    const { device, image } = loopOf(this.folder);
    for (let copies = 0; copies < COPIES_MAX; copies++) {
      const before = writesOf(device);
      await run('cp', ['--sparse=always', image, this.#next]);
      const after = writesOf(device);
      // Nothing arrives at one that stands still.
      if (this.#isFrozen || (after.inFlight === 0 && after.done === before.done)) return;
    }
    throw new Error(`the disk of ${this.folder} is written to all the time`);
  }
}

/** The shell that holds the mounts. */
class Keeper {
  hasWritten = false;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #heard = '';
  #listeners: (() => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
    const wake = () => {
      for (const listener of this.#listeners.splice(0)) listener();
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#heard += chunk.toString();
      if (this.#heard.includes('written\n')) this.hasWritten = true;
      this.#heard = this.#heard.replace('written\n', '');
      wake();
    });
    void this.#ended.then(wake);
  }

  static async start(places: readonly string[]): Promise<Keeper> {
    // In a process group of its own: a key on the terminal is not for it.
    const child = spawn('sh', ['-c', KEEPER, ...places], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    // That it is gone is told by its end.
    child.stdin?.on('error', () => undefined);
    const keeper = new Keeper(child);
    await keeper.#answer('mount');
    return keeper;
  }

  async order(order: 'freeze' | 'thaw' | 'swap'): Promise<void> {
    this.#child.stdin?.write(`${order}\n`);
    await this.#answer(order);
  }

  /** Writes a file, or writes and syncs it, which may hang. */
  begin(order: 'write' | 'sync'): void {
    this.hasWritten = false;
    this.#child.stdin?.write(`${order}\n`);
  }

  async whenWritten(): Promise<void> {
    while (!this.hasWritten) await this.#hear('write');
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }

  async #answer(order: string): Promise<void> {
    while (!this.#heard.includes('\n')) await this.#hear(order);
    const [answer] = this.#heard.split('\n', 1);
    this.#heard = this.#heard.slice(this.#heard.indexOf('\n') + 1);
    if (answer !== 'done') throw new Error(`a disk of a server: ${order} failed`);
  }

  async #hear(order: string): Promise<void> {
    if (this.#child.exitCode !== null) throw new Error(`a disk of a server: ${order} failed`);
    await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }
}

async function makeFileSystem(image: string, megabytes: number, features: readonly string[]): Promise<void> {
  writeFileSync(image, '');
  truncateSync(image, megabytes * 1024 * 1024);
  const whole = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  await run('mkfs.ext4', ['-q', '-F', '-b', '4096', ...whole, ...features, image]);
}

function sync(folder: string): void {
  const file = openSync(folder, 'r');
  fsyncSync(file);
  closeSync(file);
}

/** The device that is mounted over a folder, and the file behind it. */
function loopOf(folder: string): { readonly device: string; readonly image: string } {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .findLast((mount) => mount.split(' ')[1] === folder);
  const device = /^\/dev\/(loop\d+) /.exec(line ?? '')?.[1];
  if (device === undefined) throw new Error(`nothing is mounted over ${folder}`);
  return { device, image: readFileSync(`/sys/block/${device}/loop/backing_file`, 'utf8').trim() };
}

/** Columns of the kernel's `Documentation/block/stat.rst`. */
function writesOf(device: string): { readonly done: number; readonly inFlight: number } {
  const columns = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number);
  return { done: columns[4] ?? 0, inFlight: columns[8] ?? 0 };
}

let known: { readonly why: string | undefined } | undefined;

/** Found out by doing it, once. @returns why there can be none here */
export function ownDisksImpossible(): string | undefined {
  known ??= { why: tryOne() };
  return known.why;
}

const TRY = `
  truncate -s 8M "$0/image" && mkfs.ext4 -q -F "$0/image" && mkdir "$0/disk" &&
  mount -t ext4 -o ${MOUNT_OPTIONS} "$0/image" "$0/disk" || exit
  fsfreeze --freeze "$0/disk" && fsfreeze --unfreeze "$0/disk"
  froze=$?
  umount "$0/disk"
  exit $froze`;

function tryOne(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'weft-chaos-disk-'));
  const { status, error, stderr } = spawnSync('sh', ['-c', TRY, folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  if (status === 0) return undefined;
  const why = error?.message ?? (stderr.trim().split('\n').at(-1) || 'no reason given');
  return `disks of servers' own need root, loop devices, mkfs.ext4 and fsfreeze (${why})`;
}

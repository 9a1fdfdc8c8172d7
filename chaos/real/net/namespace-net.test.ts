/** Network namespaces: that the kernel does what a fault says, in the one direction, and nothing once it is mended. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { PREPARE } from './enter-namespaces.ts';
import { abilitiesOf, netnsAbilities, unshareFlags } from './netns-abilities.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TRIAL = `${ROOT}/dist/chaos/real/net/namespace-trial.js`;
const PROGRAM = `${ROOT}/dist/chaos/real/main.js`;
const MACHINE = netnsAbilities();
const DATAGRAMS = 20;

interface Trial {
  readonly impossible?: string;
  readonly dialed: string;
  readonly there: number;
  readonly back: number;
  readonly affected: number;
  readonly after: string;
}

function run(command: string, args: readonly string[], env = process.env): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr });
    });
  });
}

const why = 'impossible' in MACHINE ? MACHINE.impossible : '';
describe.skipIf(why !== '')(`namespaces ${why}`, () => {
  let trials: Readonly<Record<string, Trial>>;
  beforeAll(async () => {
    const { code, text } = await run('unshare', [...unshareFlags(), 'sh', '-c', PREPARE, process.execPath, TRIAL]);
    expect(code, text).toBe(0);
    trials = JSON.parse(text) as Readonly<Record<string, Trial>>;
  }, 60_000);

  test('nothing wrong -> all arrives', () => {
    expect(trials.calm).toMatchObject({ dialed: 'answered', back: DATAGRAMS, there: DATAGRAMS });
  });

  test('[held] -> what is sent is lost and the sender is not told; the other direction is whole', () => {
    expect(trials.held).toMatchObject({ dialed: 'hangs', there: 0, back: DATAGRAMS, after: 'answered' });
    expect(trials.held?.affected).toBeGreaterThanOrEqual(DATAGRAMS);
  });

  test('[all lost] -> the same, by other means, where there are any', (context) => {
    if (trials.lost?.impossible !== undefined) return context.skip(trials.lost.impossible);
    expect(trials.lost).toMatchObject({ dialed: 'hangs', there: 0, back: DATAGRAMS, after: 'answered' });
    expect(trials.lost?.affected).toBeGreaterThanOrEqual(DATAGRAMS);
  });

  test('[closed] -> the sender is told at once', (context) => {
    if (trials.closed?.impossible !== undefined) return context.skip(trials.closed.impossible);
    expect(trials.closed).toMatchObject({ dialed: 'EHOSTUNREACH', there: 0, back: DATAGRAMS, after: 'answered' });
  });

  test('[unplugged] -> the sender is told, nothing passes either way, the other end sees it', () => {
    expect(trials.unplugged).toMatchObject({
      dialed: 'ENETUNREACH',
      there: 0,
      back: 0,
      affected: 1,
      after: 'answered',
    });
  });

  test('[narrow] -> what is too much has to wait', (context) => {
    if (trials.narrow?.impossible !== undefined) return context.skip(trials.narrow.impossible);
    expect(trials.narrow).toMatchObject({ dialed: 'answered', back: DATAGRAMS, after: 'answered' });
    expect(trials.narrow?.affected).toBeGreaterThan(0);
  });

  test('[late] -> all arrives', (context) => {
    if (trials.late?.impossible !== undefined) return context.skip(trials.late.impossible);
    expect(trials.late).toMatchObject({ dialed: 'answered', back: DATAGRAMS, after: 'answered' });
    expect(trials.late?.affected).toBeGreaterThan(0);
  });

  test('[held] while the device is down -> still held when it is up again', () => {
    expect(trials['held and unplugged']).toEqual({ dialed: 'hangs', after: 'answered' });
  });
});

describe('abilities', () => {
  test('nothing but namespaces -> what can be cut can be cut, all else says what is missing', () => {
    const { lacks, has } = abilitiesOf(new Set(['namespaces'] as const));
    expect(has).toContain('tc netem: no');
    expect([lacks({ isHeld: true }), lacks({ isUnplugged: true })]).toEqual([undefined, undefined]);
    expect(lacks({ delayMs: 1 })).toBe('it needs tc netem');
    expect(lacks({ bytesPerSecond: 1 })).toBe('it needs tc tbf or tc netem');
    expect(lacks({ lossRate: 0.1 })).toBe('it needs nftables or tc netem');
    expect(lacks({ isClosed: true })).toBe('it needs ss --kill');
  });

  test('a machine without the tools -> says so, exit code 2, nothing run', async () => {
    const { code, text } = await run(process.execPath, [PROGRAM, 'run', 'short', '--net', 'netns'], {
      PATH: '/nowhere',
    });
    expect({ code, text }).toEqual({ code: 2, text: expect.stringContaining('--net netns is not possible here') });
  });
});

import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import type { Configuration } from './configuration.ts';
import { type Frame, type Hello, type PlainFrame, PROTOCOL_VERSION, type RefusalCode } from './frame.ts';
import { decodeFrame, encodeFrame } from './frame-codec.ts';
import { Handshake, type HandshakeStep, type LinkRole } from './handshake.ts';
import { hello, replica } from './link-harness.ts';

const FIRST: Configuration = { number: 1, voters: ['a', 'b', 'c'], before: [], fresh: [] };

const SECRET = 'the secret of the cluster';

/** One end of a connection: what its handshake leads to, and every frame that it sent. */
class End {
  readonly sent: Uint8Array[] = [];
  readonly #handshake: Handshake;
  outcome: 'waiting' | 'done' | RefusalCode = 'waiting';
  byPeer = false;

  constructor(role: LinkRole, own: Hello, secret = SECRET) {
    this.#handshake = new Handshake(role, own, secret);
    for (const frame of this.#handshake.opening()) this.sent.push(encodeFrame(frame));
  }

  hear(bytes: Uint8Array): void {
    if (this.outcome !== 'waiting') return;
    const step: HandshakeStep = this.#handshake.step(decodeFrame(bytes));
    if (step.kind === 'refused') {
      this.outcome = step.refusal.code;
      this.byPeer = step.byPeer;
      if (!step.byPeer) this.sent.push(encodeFrame({ kind: 'refuse', ...step.refusal }));
      return;
    }
    for (const frame of step.send) this.sent.push(encodeFrame(frame));
    if (step.kind === 'done') this.outcome = 'done';
  }
}

interface Ends {
  readonly dialer: End;
  readonly acceptor: End;
}

/** Both talk until nobody has anything to say. */
function talk({ dialer, acceptor }: Ends): void {
  for (let heard = [0, 0]; heard[0] !== acceptor.sent.length || heard[1] !== dialer.sent.length; ) {
    const [fromAcceptor, fromDialer] = [acceptor.sent.slice(heard[0]), dialer.sent.slice(heard[1])];
    heard = [acceptor.sent.length, dialer.sent.length];
    for (const bytes of fromDialer) acceptor.hear(bytes);
    for (const bytes of fromAcceptor) dialer.hear(bytes);
  }
}

function ends(dialer: Partial<Hello> = {}, acceptor: Partial<Hello> = {}, secrets = [SECRET, SECRET]): Ends {
  return {
    dialer: new End('dialer', hello(1, dialer), secrets[0]),
    acceptor: new End('acceptor', hello(2, acceptor), secrets[1]),
  };
}

/** What both ends come to, `peer: CODE` for one that was refused by the other. */
function met(dialer: Partial<Hello> = {}, acceptor: Partial<Hello> = {}, secrets?: string[]): string[] {
  const both = ends(dialer, acceptor, secrets);
  talk(both);
  return [both.dialer, both.acceptor].map(({ outcome, byPeer }) => (byPeer ? `peer: ${outcome}` : outcome));
}

describe('handshake', () => {
  test('both have the secret and agree -> both are done, after two frames each', () => {
    const both = ends();
    talk(both);
    expect([both.dialer.outcome, both.acceptor.outcome]).toEqual(['done', 'done']);
    for (const { sent } of [both.dialer, both.acceptor]) {
      expect(sent.map((bytes) => decodeFrame(bytes).kind)).toEqual(['hello', 'proof']);
    }
  });

  test('the secrets differ -> secret at both ends, whoever has the wrong one (REP-11)', () => {
    expect(met({}, {}, ['a guess', SECRET])).toEqual(['peer: secret', 'secret']);
    expect(met({}, {}, [SECRET, 'a guess'])).toEqual(['peer: secret', 'secret']);
    expect(met({}, {}, ['', SECRET])).toEqual(['peer: secret', 'secret']);
  });

  test('an acceptor that lets everybody in, without the secret -> the dialer refuses it (REP-11)', () => {
    const dialer = new End('dialer', hello(1));
    dialer.hear(encodeFrame(hello(2)));
    for (const mac of [new Uint8Array(), new Uint8Array(32), new Uint8Array(33)]) {
      const another = new End('dialer', hello(1));
      another.hear(encodeFrame(hello(2)));
      another.hear(encodeFrame({ kind: 'proof', mac }));
      expect(another.outcome).toBe('secret');
    }
    // The own proof, sent back.
    dialer.hear(dialer.sent[1] as Uint8Array);
    expect(dialer.outcome).toBe('secret');
  });

  test('protocol versions overlap -> done; they do not -> version at both ends', () => {
    expect(met({ version: 9, versionMin: 1 })).toEqual(['done', 'done']);
    expect(met({}, { version: 9, versionMin: 1 })).toEqual(['done', 'done']);
    expect(met({ version: 9, versionMin: PROTOCOL_VERSION })).toEqual(['done', 'done']);
    // The newer one would refuse too; here it is our own program with another number, so only one side speaks.
    expect(met({ version: 9, versionMin: PROTOCOL_VERSION + 1 })).toEqual(['peer: version', 'version']);
    expect(met({}, { version: 9, versionMin: PROTOCOL_VERSION + 1 })).toEqual(['version', 'peer: version']);
    expect(met({ version: 0, versionMin: 0 })).toEqual(['peer: version', 'version']);
  });

  test('two that must not talk -> refused with the reason, before anything is proved', () => {
    const established = { clusterId: 'a', established: true };
    const wallMs = hello(1).wallMs;
    const cases: readonly (readonly [RefusalCode, Partial<Hello>, Partial<Hello>])[] = [
      ['self', { replica: replica(7) }, { replica: replica(7) }],
      ['name', { name: 'same' }, { name: 'same' }],
      ['cluster', established, { clusterId: 'b', established: true }],
      ['settings', { settingsHash: 'other' }, {}],
      ['settings', { size: 4 }, {}],
      ['settings', { configuration: { ...FIRST, voters: ['a', 'b'] } }, { configuration: FIRST }],
      ['clock', { wallMs: wallMs + LIMITS.clockDriftMsMax + 1 }, {}],
      ['clock', { wallMs: wallMs - LIMITS.clockDriftMsMax - 1 }, {}],
    ];
    for (const [code, dialer, acceptor] of cases) {
      for (const [one, other] of [
        [dialer, acceptor],
        [acceptor, dialer],
      ] as const) {
        const both = ends(one, other);
        talk(both);
        expect([code, both.dialer.outcome, both.acceptor.outcome]).toEqual([code, code, code]);
        expect(both.dialer.sent.concat(both.acceptor.sent).map((bytes) => decodeFrame(bytes).kind)).not.toContain(
          'proof',
        );
      }
    }
  });

  test('refused -> whoever reads it knows which servers, and what to change', () => {
    const detail = (own: Partial<Hello>, peer: Partial<Hello>): unknown => {
      const handshake = new Handshake('acceptor', hello(2, { name: 'here', ...own }), SECRET);
      const step = handshake.step(hello(1, { name: 'there', ...peer }));
      return step.kind === 'refused' ? step.refusal.detail : step.kind;
    };
    const { wallMs } = hello(1);
    const [founded, other] = [
      { clusterId: 'x', established: true },
      { clusterId: 'y', established: true },
    ];
    const apartMs = LIMITS.clockDriftMsMax + 1;
    const speaks = (name: string, min: number, max: number) => `${name} speaks protocol versions ${min} to ${max}`;
    const own = speaks('here', hello(1).versionMin, hello(1).version);
    const told: readonly (readonly [own: Partial<Hello>, peer: Partial<Hello>, detail: string])[] = [
      [{}, { version: 9, versionMin: 8 }, `${speaks('there', 8, 9)}, ${own}`],
      [{}, { version: 0, versionMin: 0 }, `${speaks('there', 0, 0)}, ${own}`],
      [{}, { replica: replica(2) }, 'here has dialed itself; take its URL out of --peers'],
      [{}, { name: 'here' }, 'two servers have the name here; give each its own --name'],
      [founded, other, 'there is of cluster y, here of cluster x'],
      [{}, { settingsHash: 'other' }, 'the cluster settings of there and here differ'],
      [{ size: 3 }, { size: 4 }, '--peers and its own name make 4 servers on there, 3 on here'],
      [
        { configuration: FIRST },
        { configuration: { ...FIRST, voters: ['a', 'b'] } },
        'there knows a, b as voters, here knows a, b, c as voters',
      ],
      [
        {},
        { wallMs: wallMs - apartMs },
        `the clocks of there and here are ${apartMs} ms apart; at most ${LIMITS.clockDriftMsMax} ms are allowed`,
      ],
    ];
    expect(told.map(([one, peer]) => detail(one, peer))).toEqual(told.map(([, , text]) => text));
    const handshake = new Handshake('acceptor', hello(2, { name: 'here' }), SECRET);
    handshake.step(hello(1, { name: 'there' }));
    expect(handshake.step({ kind: 'proof', mac: new Uint8Array(32) })).toMatchObject({
      refusal: { detail: 'there does not have the cluster secret of here' },
    });
  });

  test('what both prove -> an HMAC over who proves it, what the dialer said and what the acceptor said', () => {
    const both = ends();
    talk(both);
    const proofs = [both.dialer, both.acceptor].map(({ sent }) => decodeFrame(sent[1] as Uint8Array));
    const expected = ['dialer', 'acceptor'].map((prover) => {
      const hmac = createHmac('sha256', SECRET).update(`weft link, proof of the ${prover}\n`);
      return {
        kind: 'proof',
        mac: new Uint8Array(
          hmac
            .update(encodeFrame(hello(1)))
            .update(encodeFrame(hello(2)))
            .digest(),
        ),
      };
    });
    expect(proofs).toEqual(expected);
  });

  test('a proof before any hello, a second hello -> nothing is said to it; who it was stays', () => {
    const handshake = new Handshake('acceptor', hello(2), SECRET);
    expect(handshake.opening()).toEqual([]);
    expect(handshake.peer).toBeUndefined();
    expect(handshake.step({ kind: 'proof', mac: new Uint8Array(32) })).toEqual({ kind: 'waiting', send: [] });
    handshake.step(hello(1));
    expect(handshake.step(hello(3))).toEqual({ kind: 'waiting', send: [] });
    expect(handshake.peer).toEqual(hello(1));
  });

  test('two that may talk though they differ -> done', () => {
    const wallMs = hello(1).wallMs + LIMITS.clockDriftMsMax;
    expect(met({ wallMs })).toEqual(['done', 'done']);
    expect(met({ configuration: FIRST, size: 1 }, { size: 4 })).toEqual(['done', 'done']);
    const second = { ...FIRST, number: 2, voters: ['a', 'b'] };
    expect(met({ configuration: FIRST }, { configuration: second })).toEqual(['done', 'done']);
    expect(met({ clusterId: 'a', established: true }, { clusterId: 'a', established: true })).toEqual(['done', 'done']);
    expect(met({ clusterId: 'a', established: true }, { clusterId: 'b' })).toEqual(['done', 'done']);
    expect(met({ clusterId: 'a' }, { clusterId: 'b' })).toEqual(['done', 'done']);
    expect(met({ clusterId: 'a', established: true })).toEqual(['done', 'done']);
  });

  test('a handshake that was overheard is played again -> secret, at either end (REP-11)', () => {
    const overheard = ends();
    talk(overheard);
    // The victim makes a new nonce each time; everything else is as it was.
    const nonce = new Uint8Array(16).fill(77);
    const acceptor = new End('acceptor', hello(2, { nonce }));
    for (const bytes of overheard.dialer.sent) acceptor.hear(bytes);
    expect(acceptor.outcome).toBe('secret');
    const dialer = new End('dialer', hello(1, { nonce }));
    for (const bytes of overheard.acceptor.sent) dialer.hear(bytes);
    expect(dialer.outcome).toBe('secret');
  });

  test('a hello is changed on its way, in any field -> not linked (REP-11)', () => {
    const changes: Partial<Hello>[] = [
      { version: 2 },
      { versionMin: 0 },
      { name: 'mallory' },
      { replica: replica(9) },
      { clusterId: 'other' },
      { established: true },
      { wallMs: hello(1).wallMs + 1 },
      { nonce: new Uint8Array(16) },
    ];
    for (const change of changes) {
      const { dialer, acceptor } = ends();
      acceptor.hear(encodeFrame(hello(1, change)));
      dialer.hear(acceptor.sent[0] as Uint8Array);
      acceptor.hear(dialer.sent[1] as Uint8Array);
      expect([change, acceptor.outcome]).toEqual([change, 'secret']);
    }
  });

  test('frames of the link come before the proof -> they are not heard, and the handshake goes on', () => {
    const { dialer, acceptor } = ends();
    const early: PlainFrame[] = [{ kind: 'behind' }, { kind: 'acknowledge', entries: new Map() }];
    for (const frame of early) acceptor.hear(encodeFrame(frame));
    expect(acceptor.sent).toEqual([]);
    talk({ dialer, acceptor });
    for (const frame of early) dialer.hear(encodeFrame(frame));
    expect([dialer.outcome, acceptor.outcome]).toEqual(['done', 'done']);
  });
});

describe('handshake over a bad network (REP-11)', () => {
  type Delivery = readonly [toAcceptor: boolean, pick: number];
  const deliveries = fc.array(fc.tuple(fc.boolean(), fc.nat(3)) as fc.Arbitrary<Delivery>, {
    maxLength: 20,
    size: 'max',
  });

  /** Any frame sent so far may arrive at any time, any number of times, or never. */
  function play(both: Ends, schedule: readonly Delivery[]): void {
    for (const [toAcceptor, pick] of schedule) {
      const [from, to] = toAcceptor ? [both.dialer, both.acceptor] : [both.acceptor, both.dialer];
      const bytes = from.sent[pick % Math.max(1, from.sent.length)];
      if (bytes !== undefined) to.hear(bytes);
    }
  }

  const heard = (end: End, kind: Frame['kind']): boolean => end.sent.some((bytes) => decodeFrame(bytes).kind === kind);

  test('any loss, repetition and order -> nobody is refused, and who is done had a proof', () => {
    let done = 0;
    fc.assert(
      fc.property(deliveries, (schedule) => {
        const both = ends();
        play(both, schedule);
        for (const [end, other] of [
          [both.dialer, both.acceptor],
          [both.acceptor, both.dialer],
        ] as const) {
          expect(['waiting', 'done']).toContain(end.outcome);
          if (end.outcome === 'done') expect(heard(other, 'proof')).toBe(true);
          if (end.outcome === 'done') done++;
        }
      }),
    );
    expect(done).toBeGreaterThan(0);
  });

  test('any loss, repetition and order between two with different secrets -> nobody is done', () => {
    fc.assert(
      fc.property(deliveries, (schedule) => {
        const both = ends({}, {}, [SECRET, 'another']);
        play(both, schedule);
        expect(both.dialer.outcome).not.toBe('done');
        expect(both.acceptor.outcome).not.toBe('done');
      }),
    );
  });

  test('any frames of a handshake -> the secret is in none of them', () => {
    const secrets = fc.string({ unit: 'grapheme', minLength: 6, maxLength: 40 });
    fc.assert(
      fc.property(secrets, secrets, (one, other) => {
        const both = ends({}, {}, [one, other]);
        talk(both);
        for (const bytes of [...both.dialer.sent, ...both.acceptor.sent]) {
          for (const secret of [one, other]) {
            for (const encoding of ['utf8', 'utf16le'] as const) {
              expect(Buffer.from(bytes).includes(Buffer.from(secret, encoding))).toBe(false);
            }
            expect(Buffer.from(bytes).includes(Buffer.from(secret).toString('base64'))).toBe(false);
          }
        }
      }),
    );
  });
});

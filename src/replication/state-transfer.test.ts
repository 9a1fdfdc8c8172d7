import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { fromUtf8, toUtf8 } from '../../base/text.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { seqOf } from '../commits/version-vector.ts';
import type { StateFrame } from './frame.ts';
import { replica, vector } from './link-harness.ts';
import { StateTransfer, type TransferEffect, type TransferEvent } from './state-transfer.ts';

const PATIENCE = { patienceMs: 100, attemptsMax: 4, pendingMsMax: 0 };
const SLICE_BYTES = 8;
const PAGE_PARTITIONS = 2;
const key = (partition: number): PartitionKey => ({ graphKey: 'default', partition: String(partition) as PartitionId });

type Answer = Extract<StateFrame, { kind: 'state-list' | 'state' }>;
type Request = Extract<StateFrame, { kind: 'list-state' | 'get-state' }>;
type Adopt = Extract<TransferEffect, { kind: 'adopt' }>;

/**
 * The sender: commits of one stream, each in one partition whose state is the list of its commits. A list without `after`
 * of a new number fixes the moment; with `forgets` it answers everything as it is by then.
 */
class Source {
  readonly writes: number[] = [];
  forgets = false;
  #moment: { readonly request: number; readonly count: number } | undefined;

  write(partition: number): void {
    this.writes.push(partition);
  }

  answer(request: Request): Answer {
    const isNew = request.kind === 'list-state' && request.after === undefined;
    if (isNew && this.#moment?.request !== request.request) {
      this.#moment = { request: request.request, count: this.writes.length };
    }
    const isHeld = !this.forgets && this.#moment?.request === request.request;
    const held = this.writes.slice(0, isHeld ? this.#moment?.count : undefined);
    const now = vector({ 1: held.length });
    if (request.kind === 'list-state') {
      const all = Array.from(new Set(held)).sort().map(key);
      const from = all.findIndex(({ partition }) => partition === request.after?.partition) + 1;
      const partitions = all.slice(from, from + PAGE_PARTITIONS);
      const more = from + partitions.length < all.length;
      return { ...request, kind: 'state-list', partitions, more, vector: now, retired: new Map(), clock: 7 };
    }
    const seqs = held.flatMap((written, i) => (String(written) === request.key.partition ? [i + 1] : []));
    const state = toUtf8(seqs.join(','));
    const bytes = state.slice(request.offset, request.offset + SLICE_BYTES);
    const { request: number, key: asked, offset } = request;
    return {
      kind: 'state',
      request: number,
      key: asked,
      offset,
      bytes,
      length: state.length,
      checksum: crc32(state),
      vector: now,
    };
  }
}

/** The receiver: performs what the machine wants, at once. */
class Taker {
  readonly transfer: StateTransfer;
  readonly asked: Request[] = [];
  readonly staged = new Map<PartitionId, ReadonlySet<number>>();
  /** Partitions in the order in which they were staged. */
  readonly order: string[] = [];
  adopted: Adopt | undefined;
  gaveUp: string | undefined;
  nowMs = 0;

  constructor(request = 1) {
    this.transfer = new StateTransfer(request, PATIENCE);
    this.#perform(this.transfer.start());
  }

  step(event: TransferEvent): void {
    if (this.adopted === undefined && this.gaveUp === undefined) this.#perform(this.transfer.step(event, this.nowMs));
  }

  hear(frame: Answer): void {
    this.step({ kind: 'answer', frame });
  }

  #perform(effects: readonly TransferEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'begin') this.step({ kind: 'begun' });
      else if (effect.kind === 'ask') this.asked.push(effect.frame);
      else if (effect.kind === 'read-state-vector')
        this.step({ kind: 'state-vector', stateVector: new Uint8Array([0]) });
      else if (effect.kind === 'adopt') this.adopted = effect;
      else if (effect.kind === 'give-up') this.gaveUp = effect.reason;
      else {
        const seqs = fromUtf8(effect.diff).split(',').map(Number);
        this.staged.set(effect.key.partition, new Set(seqs));
        this.order.push(effect.key.partition);
        this.step({ kind: 'staged' });
      }
    }
  }
}

/** Everything arrives. */
function transferAll(source: Source, taker: Taker, beforeAnswer: (request: Request) => void = () => undefined): void {
  for (let request = taker.asked.shift(); request !== undefined; request = taker.asked.shift()) {
    beforeAnswer(request);
    taker.hear(source.answer(request));
  }
}

/** REP-9: what is taken in is what the vector says, no less and no more. */
function checkAdoption(source: Source, { adopted, staged }: Taker): void {
  const upTo = seqOf(adopted?.vector ?? new Map(), replica(1));
  const seqs = Array.from(staged.values()).flatMap((held) => Array.from(held));
  expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: upTo }, (_, i) => i + 1));
  for (const [partition, held] of staged) {
    for (const seq of held) expect(String(source.writes[seq - 1])).toBe(partition);
  }
}

function sourceOf(...writes: readonly number[]): Source {
  const source = new Source();
  for (const partition of writes) source.write(partition);
  return source;
}

describe('state transfer', () => {
  test('several pages, several slices -> every partition staged once, then adopted', () => {
    const source = sourceOf(1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 1, 1);
    const taker = new Taker();
    transferAll(source, taker);
    expect(taker.order).toEqual(['1', '2', '3', '4', '5']);
    expect(taker.adopted).toMatchObject({ vector: vector({ 1: 12 }), clock: 7 });
    checkAdoption(source, taker);
  });

  test('nothing at the sender -> adopted without a partition', () => {
    const taker = new Taker();
    transferAll(sourceOf(), taker);
    expect(taker.adopted?.vector).toEqual(vector({ 1: 0 }));
  });

  test('the sender writes before each answer -> what it had at the first request, and nothing else (REP-9)', () => {
    const source = sourceOf(1, 2, 3, 4, 5);
    const taker = new Taker();
    let asked = 0;
    transferAll(source, taker, () => {
      if (asked++ > 0) source.write((asked % 7) + 1);
    });
    expect(taker.adopted?.vector).toEqual(vector({ 1: 5 }));
    expect(source.writes.length).toBeGreaterThan(8);
    checkAdoption(source, taker);
  });

  test.each(['list-state', 'get-state'])(
    'the sender let go of the moment before a %s and writes -> given up (REP-9)',
    (kind) => {
      const source = sourceOf(1, 2, 3, 4, 5);
      const taker = new Taker();
      let asked = 0;
      transferAll(source, taker, (request) => {
        if (asked++ === 0 || request.kind !== kind || source.forgets) return;
        source.forgets = true;
        source.write(3);
      });
      expect(taker.gaveUp).toContain('let go of the moment');
      expect(taker.adopted).toBeUndefined();
    },
  );

  test('a slice of another state than the first [the sender began anew] -> fetched again, and given up', () => {
    const source = sourceOf(...new Array<number>(20).fill(1));
    const taker = new Taker();
    transferAll(source, taker, (request) => {
      if (request.kind !== 'get-state' || request.offset !== SLICE_BYTES || source.forgets) return;
      source.forgets = true;
      source.write(1);
    });
    expect(taker.gaveUp).toContain('let go of the moment');
    expect(taker.staged.size).toBe(0);
  });

  test('each answer comes twice -> taken once', () => {
    const source = sourceOf(1, 1, 1, 1, 1, 1, 1, 1, 1, 2);
    const taker = new Taker();
    for (let request = taker.asked.shift(); request !== undefined; request = taker.asked.shift()) {
      taker.hear(source.answer(request));
      taker.hear(source.answer(request));
    }
    expect(taker.gaveUp).toBeUndefined();
    checkAdoption(source, taker);
  });

  test('a state with a wrong checksum, too large, or of which nothing more comes -> given up, nothing is staged', () => {
    const broken: Record<string, (answer: Extract<Answer, { kind: 'state' }>) => Answer> = {
      'wrong checksum': (answer) => ({ ...answer, checksum: answer.checksum ^ 1 }),
      'too large': (answer) => ({ ...answer, length: LIMITS.stateBytesMax + 1 }),
      'sends nothing': (answer) => ({ ...answer, bytes: new Uint8Array(), length: 9 }),
      'wrong checksum.': (answer) => ({ ...answer, length: answer.bytes.length - 1 }),
    };
    for (const [reason, breakIt] of Object.entries(broken)) {
      const source = sourceOf(1, 1, 1);
      const taker = new Taker();
      for (let request = taker.asked.shift(); request !== undefined; request = taker.asked.shift()) {
        const answer = source.answer(request);
        taker.hear(answer.kind === 'state' ? breakIt(answer) : answer);
      }
      expect(taker.gaveUp).toContain(reason.replace('.', ''));
      expect([taker.staged.size, taker.adopted]).toEqual([0, undefined]);
    }
  });

  test('more partitions than any cluster has -> given up', () => {
    const taker = new Taker();
    const partitions = new Array<PartitionKey>(LIMITS.statePartitionsMax + 1).fill(key(1));
    const list = { vector: new Map(), retired: new Map(), clock: 0, more: true };
    taker.hear({ kind: 'state-list', request: 1, after: undefined, partitions, ...list });
    expect(taker.gaveUp).toContain('partitions');
  });

  test('no answer -> asked again, a few times, then given up; an answer renews the patience', () => {
    const source = sourceOf(1, 2);
    const taker = new Taker();
    const wait = () => {
      taker.nowMs += PATIENCE.patienceMs;
      taker.step({ kind: 'tick', heardMs: 0 });
    };
    taker.nowMs += PATIENCE.patienceMs - 1;
    taker.step({ kind: 'tick', heardMs: 0 });
    expect(taker.asked).toHaveLength(1);
    taker.nowMs -= PATIENCE.patienceMs - 1;
    for (let i = 0; i < PATIENCE.attemptsMax - 1; i++) wait();
    expect(taker.asked.map(({ kind }) => kind)).toEqual(new Array(4).fill('list-state'));
    taker.hear(source.answer(taker.asked[0] as Request));
    expect(taker.gaveUp).toBeUndefined();
    taker.asked.splice(0, 4);
    for (let i = 0; i < PATIENCE.attemptsMax - 1; i++) wait();
    expect(taker.asked.map(({ kind }) => kind)).toEqual(new Array(4).fill('get-state'));
    wait();
    expect(taker.gaveUp).toContain('does not answer');
  });

  test('a late answer to an earlier transfer, from before this one began -> it is not taken for an answer (REP-9)', () => {
    const source = sourceOf(1);
    const earlier = new Taker(1);
    const late: Answer[] = [];
    for (let request = earlier.asked.shift(); request !== undefined; request = earlier.asked.shift()) {
      late.push(source.answer(request));
      earlier.hear(late.at(-1) as Answer);
    }
    source.write(1);
    const taker = new Taker(2);
    for (let request = taker.asked.shift(); request !== undefined; request = taker.asked.shift()) {
      for (const answer of late) taker.hear(answer);
      taker.hear(source.answer(request));
    }
    expect(taker.adopted?.vector).toEqual(vector({ 1: 2 }));
    checkAdoption(source, taker);
  });

  test('requests and answers lost, late, repeated, the sender writing, transfers cut off and begun again -> REP-9 whenever one ends', () => {
    type Turn = readonly ['exchange' | 'request' | 'answer' | 'lose' | 'write' | 'tick' | 'again', number];
    const turn: fc.Arbitrary<Turn> = fc.oneof(
      { weight: 20, arbitrary: fc.tuple(fc.constant('exchange' as const), fc.nat()) },
      { weight: 6, arbitrary: fc.tuple(fc.constant('request' as const), fc.nat()) },
      { weight: 6, arbitrary: fc.tuple(fc.constant('answer' as const), fc.nat()) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('lose' as const), fc.nat()) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('write' as const), fc.integer({ min: 1, max: 4 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('tick' as const), fc.nat(60)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('again' as const), fc.nat()) },
    );
    let adopted = 0;
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 120, size: 'max' }), (turns) => {
        const source = sourceOf(1, 2, 3, 1, 1, 1, 1);
        let taker = new Taker(1);
        let requests = 1;
        const answers: Answer[] = [];
        for (const [what, number] of turns) {
          const pick = <T>(list: readonly T[]): T | undefined => list[Math.max(0, list.length - 1 - (number % 4))];
          if (what === 'exchange') {
            const request = taker.asked.at(-1);
            if (request === undefined) continue;
            answers.push(source.answer(request));
            taker.hear(answers.at(-1) as Answer);
          } else if (what === 'request') {
            const request = pick(taker.asked);
            if (request !== undefined) answers.push(source.answer(request));
          } else if (what === 'answer') {
            const answer = pick(answers);
            if (answer !== undefined) taker.hear(answer);
          } else if (what === 'lose') answers.pop();
          else if (what === 'write') source.write(number);
          else if (what === 'tick') {
            taker.nowMs += number;
            taker.step({ kind: 'tick', heardMs: 0 });
          } else taker = new Taker(++requests);
          if (taker.adopted === undefined) continue;
          adopted++;
          checkAdoption(source, taker);
          taker = new Taker(++requests);
        }
        // As soon as frames arrive, it ends.
        taker = new Taker(++requests);
        transferAll(source, taker);
        checkAdoption(source, taker);
        expect(taker.adopted).toBeDefined();
      }),
      { numRuns: 300 },
    );
    expect(adopted).toBeGreaterThan(0);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClusterIdentity, type Notes } from './cluster-identity.ts';
import type { Hello } from './frame.ts';
import { hello } from './link-harness.ts';

/** What a server keeps over restarts. */
class Disk implements Notes {
  readonly notes = new Map<string, Uint8Array>();

  readNote(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.notes.get(name));
  }

  writeNote(name: string, value: Uint8Array): Promise<void> {
    this.notes.set(name, value);
    return Promise.resolve();
  }
}

/** A voter: what it is, and what it last heard of the others' ids, as `Peer` and `Replicator` keep it. */
class Voter {
  readonly disk = new Disk();
  readonly number: number;
  #nonces = 0;
  #identity: ClusterIdentity | undefined;
  readonly heard = new Map<Voter, string>();

  constructor(number: number) {
    this.number = number;
  }

  async start(): Promise<this> {
    this.#identity = await ClusterIdentity.read(this.disk);
    this.heard.clear();
    return this;
  }

  get identity(): ClusterIdentity {
    return this.#identity as ClusterIdentity;
  }

  hello(): Hello {
    const nonce = new Uint8Array(16).fill(this.number);
    nonce[0] = ++this.#nonces;
    const { id, established } = this.identity;
    return hello(this.number, { clusterId: id, established, nonce });
  }

  hear(from: Voter, { id, established }: Pick<ClusterIdentity, 'id' | 'established'>, voters: readonly Voter[]): void {
    this.heard.set(from, id);
    this.identity.hear(id, established);
    const others = voters.filter((voter) => voter !== this);
    if (others.every((other) => this.heard.get(other) === this.identity.id)) this.identity.establish();
  }
}

const fresh = (count: number): Promise<Voter[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => new Voter(i + 1).start()));

function statusTo(to: Voter, from: Voter, voters: readonly Voter[]): void {
  to.hear(from, { id: from.identity.id, established: from.identity.established }, voters);
}

/** Every voter hears every other one's status, a few times. */
function settle(voters: readonly Voter[]): void {
  for (let round = 0; round < voters.length + 2; round++) {
    for (const to of voters) for (const from of voters) if (to !== from) statusTo(to, from, voters);
  }
}

function meet(one: Voter, other: Voter, helloOfOne = one.hello(), helloOfOther = other.hello()): void {
  one.identity.meet(helloOfOne, helloOfOther);
  other.identity.meet(helloOfOther, helloOfOne);
}

type Step =
  | { readonly kind: 'greet'; readonly one: number; readonly other: number }
  | { readonly kind: 'meet'; readonly pick: number }
  /** A status that arrives at once, and perhaps again later. */
  | { readonly kind: 'say'; readonly one: number; readonly other: number }
  | { readonly kind: 'hear'; readonly pick: number }
  | { readonly kind: 'restart'; readonly one: number; readonly losesDisk: boolean };

const server = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('greet' as const), one: server, other: server }),
  fc.record({ kind: fc.constant('meet' as const), pick: fc.nat() }),
  fc.record({ kind: fc.constant('say' as const), one: server, other: server }),
  fc.record({ kind: fc.constant('hear' as const), pick: fc.nat() }),
  fc.record({ kind: fc.constant('restart' as const), one: server, losesDisk: fc.constant(false) }),
);

describe('cluster identity', () => {
  test('two fresh servers meet -> one id, the same at both, not established before a status', async () => {
    const [one, other] = (await fresh(2)) as [Voter, Voter];
    meet(one, other);
    expect(one.identity.id).toMatch(/^[\w-]{22}$/);
    expect(other.identity.id).toBe(one.identity.id);
    expect([one.identity.established, other.identity.established]).toEqual([false, false]);
    settle([one, other]);
    expect([one.identity.established, other.identity.established]).toEqual([true, true]);
  });

  test('two pairs that met apart meet -> one id, the smaller', async () => {
    const voters = (await fresh(4)) as [Voter, Voter, Voter, Voter];
    const [a, b, c, d] = voters;
    meet(a, b);
    meet(c, d);
    const smaller = [a.identity.id, c.identity.id].sort()[0];
    expect(a.identity.id).not.toBe(c.identity.id);
    meet(b, c);
    settle(voters);
    expect(new Set(voters.map(({ identity }) => identity.id))).toEqual(new Set([smaller]));
  });

  test('two to five fresh servers: handshakes and statuses in any order, late and repeated, restarts -> one id in the end (REP-12)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        async (count, steps) => {
          const voters = await fresh(count);
          const at = (number: number) => voters[number % count] as Voter;
          /** Handshakes that began: their hellos say what was true then. */
          const greetings: (readonly [Voter, Voter, Hello, Hello])[] = [];
          const statuses: { from: Voter; to: Voter; id: string; established: boolean }[] = [];
          /** Ids that were ever established, anywhere. */
          const established = new Set<string>();
          for (const one of steps) {
            if (one.kind === 'greet' && at(one.one) !== at(one.other)) {
              const [dialer, acceptor] = [at(one.one), at(one.other)];
              greetings.push([dialer, acceptor, dialer.hello(), acceptor.hello()]);
            } else if (one.kind === 'meet' && greetings.length > 0) {
              // A handshake ends once.
              const [greeting] = greetings.splice(one.pick % greetings.length, 1);
              if (greeting !== undefined) meet(...greeting);
            } else if (one.kind === 'say') {
              const [from, to] = [at(one.one), at(one.other)];
              const { id, established: isEstablished } = from.identity;
              if (from === to) continue;
              statuses.push({ from, to, id, established: isEstablished });
              statusTo(to, from, voters);
            } else if (one.kind === 'hear' && statuses.length > 0) {
              const status = statuses[one.pick % statuses.length];
              if (status !== undefined) status.to.hear(status.from, status, voters);
            } else if (one.kind === 'restart') {
              await at(one.one).start();
            }
            for (const { identity } of voters) if (identity.established) established.add(identity.id);
          }
          for (let i = 1; i < count; i++) meet(at(0), at(i));
          settle(voters);
          const ids = new Set(voters.map(({ identity }) => identity.id));
          expect(ids.size).toBe(1);
          expect(voters.every(({ identity }) => identity.established)).toBe(true);
          for (const id of established) expect(ids).toContain(id);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('established: ids of others come, smaller ones too -> it stays (REP-12)', async () => {
    const [one, other] = (await fresh(2)) as [Voter, Voter];
    meet(one, other);
    settle([one, other]);
    const { id } = one.identity;
    for (const [foreign, established] of [
      ['', false],
      ['!', false],
      ['!', true],
      ['~', true],
    ] as const) {
      expect(one.identity.hear(foreign, established)).toBeUndefined();
    }
    expect([one.identity.id, one.identity.established]).toEqual([id, true]);
  });

  test('established: a voter comes back with an empty disk, or with a smaller id -> it takes over the id', async () => {
    const voters = (await fresh(3)) as [Voter, Voter, Voter];
    const [a, b, c] = voters;
    meet(a, b);
    meet(b, c);
    settle(voters);
    const { id } = a.identity;
    c.disk.notes.clear();
    await c.start();
    expect(c.identity.id).toBe('');
    c.identity.hear('!smaller', false);
    meet(a, c);
    expect([c.identity.id, c.identity.established]).toEqual([id, true]);
  });

  test('restart -> id and establishment are as they were', async () => {
    const [one, other] = (await fresh(2)) as [Voter, Voter];
    meet(one, other);
    const { id } = one.identity;
    await one.start();
    expect([one.identity.id, one.identity.established]).toEqual([id, false]);
    settle([one, other]);
    await one.start();
    expect([one.identity.id, one.identity.established]).toEqual([id, true]);
  });
});

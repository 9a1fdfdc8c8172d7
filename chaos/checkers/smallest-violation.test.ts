/** Long histories of a real register are accepted, and what one spoilt answer contradicts is shown in a few lines. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { checkLinearizability } from './linearizability.ts';
import type { RegisterCall } from './order-search.ts';
import type { RegisterOperation } from './register.ts';

test('checkLinearizability: long histories of real registers -> valid; one answer spoilt -> shown in a few lines', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const calls = play(new SeededRandom(seed), { operations: 400, keys: 3, clients: 5 });
    expect(checkLinearizability(calls)).toEqual({ kind: 'valid' });
    const { spoilt, key } = spoil(calls);
    const verdict = checkLinearizability(spoilt);
    const lines = verdict.kind === 'invalid' ? verdict.evidence.split('\n') : [];
    expect(lines[0]).toMatch(`${key}: no order of these operations gives their answers`);
    expect(lines.length).toBeLessThan(10);
  }
});

/** What clients would see of registers that are linearizable: each operation happens at one moment of its call. */
function play(
  random: SeededRandom,
  { operations, keys, clients }: { readonly operations: number; readonly keys: number; readonly clients: number },
): RegisterCall[] {
  const free = Array.from({ length: clients }, () => 0);
  const calls: { call: RegisterCall; atMs: number }[] = [];
  for (let id = 1; id <= operations; id++) {
    const client = free.indexOf(Math.min(...free));
    const invokedMs = (free[client] as number) + 1 + random.below(10);
    const endedMs = invokedMs + 2 + random.below(20);
    free[client] = endedMs;
    const outcome = random.chance(0.08) ? 'info' : 'ok';
    const isEventual = random.chance(0.15);
    const late = outcome === 'info' || isEventual ? random.below(200) : 0;
    const atMs = invokedMs + 1 + random.below(endedMs - invokedMs - 1) + late;
    const key = `k${random.below(keys)}`;
    const kinds = ['read', 'read', 'write', 'compare-and-set', 'delete'] as const;
    const kind = isEventual ? 'write' : random.pick(kinds);
    const operation = {
      key,
      kind,
      value: `${id}`,
      ...(kind === 'compare-and-set' && { expected: { value: undefined } }),
    };
    const call = {
      id,
      process: `c${client}`,
      operation: operation as RegisterOperation,
      invokedMs,
      endedMs,
      outcome,
    } as const;
    calls.push({ call: { ...call, ...(isEventual && { isEventual }) }, atMs });
  }
  const held = new Map<string, string>();
  const answered = calls
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ call }): RegisterCall => {
      const { operation } = call;
      const { key } = operation;
      const value = held.get(key);
      if (call.outcome === 'info' && random.chance(0.5)) return call;
      if (operation.kind === 'read') return { ...call, operation: { key, kind: 'read', value } };
      if (operation.kind === 'delete') held.delete(key);
      if (operation.kind === 'write') held.set(key, `${operation.value}`);
      if (operation.kind !== 'compare-and-set') return call;
      // It expects what is there, or what was there some time ago.
      const expected = { value: random.chance(0.6) ? value : `${random.below(operations)}` };
      const applied = expected.value === value;
      if (applied) held.set(key, `${operation.value}`);
      return { ...call, operation: { ...operation, expected, applied } };
    });
  return answered.toSorted((a, b) => a.id - b.id);
}

/** A read shows again what an earlier one showed, though one in between showed something else. */
function spoil(calls: readonly RegisterCall[]): { readonly spoilt: RegisterCall[]; readonly key: string } {
  const reads = calls.filter(({ operation, outcome }) => operation.kind === 'read' && outcome === 'ok');
  for (const last of reads.toReversed()) {
    const before = reads.filter(
      ({ operation, endedMs = 0 }) => operation.key === last.operation.key && endedMs < last.invokedMs,
    );
    for (const { operation: shown, endedMs: shownMs = 0 } of before) {
      if (shown.kind !== 'read' || shown.value === undefined) continue;
      const isGone = ({ operation, invokedMs }: RegisterCall) =>
        invokedMs > shownMs && operation.kind === 'read' && operation.value !== shown.value;
      if (!before.some(isGone)) continue;
      return { spoilt: calls.map((call) => (call === last ? { ...last, operation: shown } : call)), key: shown.key };
    }
  }
  throw new Error('nothing to spoil');
}

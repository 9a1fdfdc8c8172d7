import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { hashText } from '../base/text.ts';
import { IdIndex, slotHash } from './id-index.ts';

/** As whoever wants look-ups to be slow would choose them: their slots are the same until there are some thousand. */
function colliding(count: number): string[] {
  const ids: string[] = [];
  for (let i = 0; ids.length < count; i++) {
    if ((slotHash(`c${i}`) & 0xfff) === 0xabc) ids.push(`c${i}`);
  }
  return ids;
}

describe('id index', () => {
  test.each([1, 2, 3])('ids added and removed at random, many of which collide, seed %i -> as a map says', (seed) => {
    const random = new SeededRandom(seed);
    const pool = [...colliding(120), ...Array.from({ length: 400 }, (_, i) => `n${i}`), '', 'é', '__proto__'];
    const ids: string[] = [];
    const index = new IdIndex(ids);
    const model = new Map<string, number>();
    const free = pool.map((_, ordinal) => ordinal);
    const check = () => {
      expect(index.size).toBe(model.size);
      expect(pool.map((id) => index.find(id))).toEqual(pool.map((id) => model.get(id)));
    };
    for (let step = 0; step < 4000; step++) {
      const id = random.pick(pool);
      const held = model.get(id);
      if (held !== undefined) {
        index.remove(id, held);
        model.delete(id);
        ids[held] = '';
        free.push(held);
      } else {
        const ordinal = free.pop() as number;
        ids[ordinal] = id;
        index.add(id, ordinal);
        model.set(id, ordinal);
      }
      if (step % 200 === 0) check();
    }
    check();
  });

  test('ids of one hash partition, without the others -> few share a slot', () => {
    const slots = new Map<number, number>();
    for (let i = 0, found = 0; found < 1000; i++) {
      if (hashText(`id ${i}`) % 64 !== 5) continue;
      found++;
      const slot = slotHash(`id ${i}`) & 0xfff;
      slots.set(slot, (slots.get(slot) ?? 0) + 1);
    }
    expect(Math.max(...slots.values())).toBeLessThan(8);
  });
});

/** Parts that are loaded when something turns out to need them. */
import { expect, test } from 'vitest';
import { loadAhead, Part, withParts } from './part.ts';

test('work that needs two parts -> each is loaded once, and the work begins again after each', async () => {
  const loads: string[] = [];
  const part = (name: string) => new Part(name, async () => ({ value: loads.push(name) }));
  const [one, two] = [part('one'), part('two')];
  let begun = 0;
  const work = () => {
    begun++;
    return one.get().value + two.get().value;
  };
  expect(await withParts(work)).toBe(3);
  expect(await withParts(work)).toBe(3);
  expect([begun, loads]).toEqual([4, ['one', 'two']]);
});

test('a part that cannot be had -> unreachable, which names it; ahead of need nobody is told', async () => {
  const part = new Part('time zones', () => Promise.reject(new Error('no network')));
  await loadAhead([part]);
  await expect(withParts(() => part.get())).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/^time zones could not be loaded .*no network/),
  });
});

test('what else goes wrong -> is thrown as it is', async () => {
  const part = new Part('one', async () => ({}));
  await expect(withParts(() => Promise.reject(new RangeError('of the work')))).rejects.toThrow(RangeError);
  await loadAhead([part]);
  expect(part.isThere).toBe(true);
});

/** What every local store must do. */
import { expect, test } from 'vitest';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { LocalStore } from './local-store.ts';

const texts = async (store: LocalStore, prefix: string) =>
  (await store.read(prefix)).map(({ key, value }) => [key, fromUtf8(value)]);

/** @param reopen closes the store, if it is open, and opens it anew over the same data */
export function localStoreConformance(name: string, reopen: () => Promise<LocalStore>): void {
  test(`${name}: puts and deletions of several batches -> the last of each key, by key, also after it was opened anew`, async () => {
    const store = await reopen();
    const put = (key: string, value: string) => ({ kind: 'put' as const, key, value: toUtf8(value) });
    void store.write([put('a/2', 'two'), put('a/1', 'one'), put('b', 'other')]);
    void store.write([put('a/3', 'three'), { kind: 'delete', key: 'a/1' }, put('a/2', 'again')]);
    const expected = [
      ['a/2', 'again'],
      ['a/3', 'three'],
    ];
    expect(await texts(store, 'a/')).toEqual(expected);
    const opened = await reopen();
    expect(await texts(opened, 'a/')).toEqual(expected);
    expect((await opened.read('')).length).toBe(3);
    await opened.close();
    await opened.close();
  });

  test(`${name}: a closed store -> takes nothing more, and says so`, async () => {
    const store = await reopen();
    await store.close();
    await expect(store.write([{ kind: 'delete', key: 'a' }])).rejects.toMatchObject({ code: 'storage-failed' });
    expect((await (await reopen()).read('')).length).toBe(3);
  });

  test(`${name}: keys with characters from all of Unicode after the prefix -> all are read, and no others`, async () => {
    const store = await reopen();
    const parts = ['a', '\u07ff', '\ue000', '\uffff', '\u{10000}', '\u{1f600}', '\u{10ffff}'];
    const keys = parts.map((part) => `u/${part}!/1`);
    await store.write([...keys, 'u', 'u0'].map((key) => ({ kind: 'put' as const, key, value: new Uint8Array([1]) })));
    const read = (await store.read('u/')).map(({ key }) => key);
    expect(read.sort()).toEqual(keys.sort());
  });
}

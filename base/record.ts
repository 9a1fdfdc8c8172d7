/**
 * Plain objects keyed by text that users choose. They stay ordinary objects because V8 packs those best, so every
 * write goes through `setOwn`, which cannot touch a prototype, and every read through `getOwn`.
 */

export type TextRecord<T> = { readonly [key: string]: T };

/** Defines `record[key] = value` as an own property, `__proto__` included. */
export function setOwn<T>(record: { [key: string]: T }, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    record[key] = value;
  }
}

/** The own property `key`, or undefined; inherited members such as `constructor` are never seen. */
export function getOwn<T>(record: TextRecord<T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/**
 * As `getOwn`, for records whose values are never functions: what every object inherits is a function, so most reads need
 * not ask whose the member is.
 */
export function getOwnData<T>(record: TextRecord<T>, key: string): T | undefined {
  if (key === '__proto__') return getOwn(record, key);
  const value = record[key];
  return typeof value === 'function' ? undefined : value;
}

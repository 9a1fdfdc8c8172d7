/** `weft/client`: what an application imports, in a browser and in Node. */
import { ambientPlatform } from './ambient.ts';
import { WeftClient, type WeftClientOptions } from './weft-client.ts';

export { type ErrorCode, WeftError } from '../base/errors.ts';
export { Float, Point, Temporal, type Value } from '../graph/value.ts';
export { type AmbientOptions, ambientPlatform } from './ambient.ts';
export type { GraphClient } from './graph-client.ts';
export type * from './graph-client-types.ts';
export type { CallOptions, ConsistencyLevel } from './http-calls.ts';
export type { AbortSignalLike, Platform } from './platform.ts';
export type { ResultNode, ResultPath, ResultRelationship, Row, RowValue } from './result-rows.ts';
export { Session } from './session.ts';
export { WeftClient, type WeftClientOptions } from './weft-client.ts';

/** A client of the servers at `urls`; nothing is sent before the first call. */
export function connect(
  urls: string | readonly string[],
  options: Partial<Omit<WeftClientOptions, 'urls'>> = {},
): WeftClient {
  const all = typeof urls === 'string' ? [urls] : urls;
  return new WeftClient({ platform: ambientPlatform(), ...options, urls: all });
}

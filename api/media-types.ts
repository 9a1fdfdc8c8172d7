/** Which of its two formats a request is written in and wants its answer in: JSON, unless it says MessagePack. */

export const JSON_TYPE = 'application/json; charset=utf-8';
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
export const NDJSON_TYPE = 'application/x-ndjson; charset=utf-8';
/** An archive of `weft backup`. */
export const BACKUP_TYPE = 'application/vnd.weft.backup';
/** The registered name first, then the two that clients used before it was registered. */
export const MESSAGE_PACK_TYPES = ['application/vnd.msgpack', 'application/msgpack', 'application/x-msgpack'] as const;
export type MessagePackType = (typeof MESSAGE_PACK_TYPES)[number];

/** Typed JSON, as the Neo4j Query API has it. */
export const TYPED_JSON_TYPE = 'application/vnd.neo4j.query';
export const EVENT_STREAM_TYPE = 'text/event-stream; charset=utf-8';
export const JSON_LINES_TYPE = 'application/jsonl';

/** What an import may call itself; all of them mean one JSON document a line. */
export const IMPORT_TYPES = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/json',
  'text/plain',
  'application/octet-stream',
] as const;

/**
 * The MessagePack type to answer in, or undefined for JSON. MessagePack wins a tie with JSON, because no client asks
 * for it by accident; an `Accept` that names neither gets JSON.
 */
export function acceptedMessagePack(accept: string | undefined): MessagePackType | undefined {
  if (accept === undefined || !/msgpack/i.test(accept)) return undefined;
  let best: { readonly type: MessagePackType; readonly quality: number } | undefined;
  let json = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = qualityOf(parameters);
    const type = MESSAGE_PACK_TYPES.find((known) => known === name);
    if (type !== undefined && quality > (best?.quality ?? 0)) best = { type, quality };
    if (name === 'application/json') json = quality;
  }
  return best !== undefined && best.quality >= json ? best.type : undefined;
}

function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const quality = text === undefined ? 1 : Number(text);
  return Number.isFinite(quality) ? quality : 0;
}

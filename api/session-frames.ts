/**
 * Frames of a session channel: what a client may send, checked field by field like a request over HTTP. Each is a MessagePack
 * map; a message holds one or more, one after the other.
 */
import { WeftError } from '../base/errors.ts';
import { checkDowngrade, checkLevel, type Terms } from './consistency.ts';
import { checkKey } from './idempotency.ts';
import { BATCH_OPERATIONS } from './parse-batch.ts';
import { fieldsOf, flagField, invalidField, kindOf, objectOf } from './parse-fields.ts';

/** What a request may be for. */
const REQUESTS = ['query', 'batch', 'node', 'edge', ...BATCH_OPERATIONS, 'ping'] as const;
/** What concerns a request that is under way; nothing answers it but that request. */
const SIGNALS = ['cancel', 'more'] as const;

export type RequestOp = (typeof REQUESTS)[number];
const REQUEST_OPS: ReadonlySet<unknown> = new Set(REQUESTS);
const SIGNAL_OPS: ReadonlySet<unknown> = new Set(SIGNALS);

export interface RequestFrame {
  readonly op: RequestOp;
  /** As over HTTP. */
  readonly body: unknown;
  readonly terms: Omit<Terms, 'restsOnCatalog'>;
  /** Whether later requests on this connection present the tokens of this one too. */
  readonly keepsSession: boolean;
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
  /** Frames of rows that may be sent before the client asks for more; undefined for an answer that comes whole. */
  readonly credit: number | undefined;
}

export type SignalFrame = { readonly op: 'cancel' } | { readonly op: 'more'; readonly credit: number };

const FIELDS: ReadonlySet<string> = new Set([
  'id',
  'op',
  'body',
  'consistency',
  'allowDowngrade',
  'sessionToken',
  'session',
  'idempotencyKey',
  'traceparent',
  'stream',
]);
const SIGNAL_FIELDS: ReadonlySet<string> = new Set(['id', 'op', 'credit']);

/** What most requests ask for. */
const USUAL_TERMS: RequestFrame['terms'] = { level: 'session', tokens: [], mayDowngrade: false };

/** The id of a frame, or undefined if it has none that could be answered. */
export function frameId(tree: unknown): number | undefined {
  if (typeof tree !== 'object' || tree === null) return undefined;
  const { id } = tree as { readonly id?: unknown };
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 ? id : undefined;
}

/** The id of a frame that cannot be decoded: it is still told if it stands first. */
export function idInFront(bytes: Uint8Array): number | undefined {
  const [map = 0, a, b, c, head = 0] = bytes;
  if (map < 0x81 || map > 0x8f || a !== 0xa2 || b !== 0x69 || c !== 0x64) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head < 0x80) return head;
  if (head === 0xcc && bytes.length >= 6) return view.getUint8(5);
  if (head === 0xcd && bytes.length >= 7) return view.getUint16(5);
  if (head === 0xce && bytes.length >= 9) return view.getUint32(5);
  return undefined;
}

/** @throws WeftError `invalid-request`, definite */
export function parseFrame(tree: unknown): RequestFrame | SignalFrame {
  const { op } = objectOf(tree, 'frame');
  if (SIGNAL_OPS.has(op)) return parseSignal(tree);
  if (!REQUEST_OPS.has(op)) {
    const known = [...REQUESTS, ...SIGNALS].join(', ');
    throw invalidField('op', op === undefined ? 'is missing' : `must be one of ${known}`);
  }
  const fields = fieldsOf(tree, FIELDS, '');
  const { traceparent, stream } = fields;
  if (stream !== undefined && op !== 'query') throw invalidField('stream', 'is for queries');
  return {
    op: op as RequestOp,
    body: fields.body,
    terms: termsOf(fields),
    keepsSession: flagField(fields, 'session', ''),
    idempotencyKey: checkKey(fields.idempotencyKey),
    traceparent: textOr(traceparent, 'traceparent'),
    credit: stream === undefined || stream === false ? undefined : creditOf(stream, 'stream'),
  };
}

function parseSignal(tree: unknown): SignalFrame {
  const { op, credit } = fieldsOf(tree, SIGNAL_FIELDS, '');
  if (op === 'more') return { op, credit: creditOf(credit, 'credit') };
  return { op: 'cancel' };
}

/** `true` is as much as the connection takes. */
function creditOf(value: unknown, field: string): number {
  if (value === true) return Number.POSITIVE_INFINITY;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw invalidField(field, 'must be a positive integer, or true for as much as the connection takes');
}

function termsOf(fields: Readonly<Record<string, unknown>>): RequestFrame['terms'] {
  const { consistency, allowDowngrade, sessionToken } = fields;
  if (consistency === undefined && allowDowngrade === undefined && sessionToken === undefined) return USUAL_TERMS;
  const asked = textOr(consistency, 'consistency');
  const level = asked === undefined ? 'session' : checkLevel(asked, 'consistency');
  const mayDowngrade = checkDowngrade(textOr(allowDowngrade, 'allowDowngrade'), level);
  return { level, tokens: tokensOf(sessionToken), mayDowngrade };
}

function tokensOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((token) => typeof token === 'string')) return value;
  throw invalidField('sessionToken', 'must be a session token or a list of them');
}

function textOr(value: unknown, field: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new WeftError('invalid-request', `\`${field}\` must be text, not ${kindOf(value)}`, { field });
}

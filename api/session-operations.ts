/**
 * What the requests of a session channel do: what the same calls do over HTTP, with the same parsers and the same engine
 * calls, but for the form of their answers.
 */
import { WeftError } from '../base/errors.ts';
import { edgeId, nodeId } from '../base/ids.ts';
import { wireDocument } from '../graph/json-values.ts';
import type { Graph, IdempotencyKey, OperationResult } from '../src/engine-port.ts';
import { edgeDocument, nodeDocument } from './answer.ts';
import { hashOf } from './bodies.ts';
import { elementDocument, resultDocument, writeBatch, writeElement } from './element-answers.ts';
import { encodeMessagePack } from './msgpack.ts';
import { parseBatch, parseOperation } from './parse-batch.ts';
import { fieldsOf, objectOf, textField } from './parse-fields.ts';
import type { RequestFrame } from './session-frames.ts';

/** The last frame of an answer, without what every answer has. */
export interface Reply {
  readonly status: number;
  /** A wire tree; absent if there is nothing to say. */
  readonly body?: unknown;
  readonly version?: string;
  readonly replayed?: boolean;
}

/** A request on a graph, at the level that the call has. */
export interface Operation {
  readonly graph: Graph;
  readonly frame: RequestFrame;
  /** Takes note of session tokens in the body. */
  readonly present: (tokens: readonly string[]) => Promise<void> | undefined;
  /** Runs a write at most once if it has a key. */
  readonly once: OnceRunner;
}

export type OnceRunner = (fingerprint: string, write: (key?: IdempotencyKey) => Promise<Reply>) => Promise<Reply>;

const ID_FIELDS: ReadonlySet<string> = new Set(['id']);

/** Every request but `ping` and `query`. @throws WeftError as the same call over HTTP */
export async function runOperation(operation: Operation): Promise<Reply> {
  const { graph, frame, once } = operation;
  const { op, body, idempotencyKey } = frame;
  switch (op) {
    case 'node':
    case 'edge': {
      if (idempotencyKey !== undefined) throw noKey();
      const id = textField(fieldsOf(body, ID_FIELDS, 'body'), 'id', 'body');
      if (op === 'node') {
        const { element, version } = await graph.node(nodeId(id));
        return { status: 200, body: wireDocument(nodeDocument(element)), version };
      }
      const { element, version } = await graph.edge(edgeId(id));
      return { status: 200, body: wireDocument(edgeDocument(element)), version };
    }
    case 'batch':
      return runBatch(operation);
    default: {
      const fingerprint = fingerprintOf(frame);
      const parsed = parseOperation({ ...objectOf(body, 'body'), op }, 'body');
      return once(fingerprint, async (key) => elementReply(await writeElement(graph, parsed, key)));
    }
  }
}

async function runBatch({ graph, frame, present, once }: Operation): Promise<Reply> {
  const fingerprint = fingerprintOf(frame);
  const { operations, bookmarks } = parseBatch(frame.body);
  const wait = present(bookmarks);
  if (wait !== undefined) await wait;
  return once(fingerprint, async (key) => {
    const results = await writeBatch(graph, operations, key);
    const body = wireDocument({ results: results.map(resultDocument) });
    return { status: 200, body, ...(results[0]?.replayed === true && { replayed: true }) };
  });
}

function elementReply({ created, element, version, replayed }: OperationResult): Reply {
  return {
    status: element === undefined ? 204 : created ? 201 : 200,
    ...(element !== undefined && { body: wireDocument(elementDocument(element)) }),
    ...(version !== undefined && { version }),
    ...(replayed === true && { replayed }),
  };
}

/**
 * Taken before the body is parsed, which converts it in place. Without a key nobody asks for it.
 * @throws WeftError `payload-too-large`, definite
 */
function fingerprintOf({ op, body, idempotencyKey }: RequestFrame): string {
  return idempotencyKey === undefined ? '' : `${op} ${hashOf(Buffer.from(encoded(body)))}`;
}

function encoded(body: unknown): Uint8Array {
  try {
    return encodeMessagePack(body);
  } catch (error) {
    // It was decoded, so there is nothing else that could be wrong with it; no value may be that deep.
    throw new WeftError('payload-too-large', 'the body nests too deep', {}, error);
  }
}

function noKey(): WeftError {
  return new WeftError('invalid-request', 'an Idempotency-Key is for writes', { field: 'idempotencyKey' });
}

/**
 * Request bodies: JSON or MessagePack by Content-Type, whole in memory up to a limit. The raw bytes are hashed only when
 * an `Idempotency-Key` will compare them. Whether a body may be missing is for the route to say.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import { parseJson } from './json-text.ts';
import { MESSAGE_PACK_TYPES, TYPED_JSON_TYPE } from './media-types.ts';
import { parseMessagePack } from './msgpack.ts';

type Done = (error: Error | null, body?: unknown) => void;

/** Replaces the parsers of the framework, which read numbers inexactly. @param bytesMax of a body */
export function installBodyParsers(app: FastifyInstance, bytesMax: number): void {
  const parser = (parse: (bytes: Buffer) => unknown) => (request: FastifyRequest, _payload: unknown, done: Done) =>
    readWhole(request, bytesMax, (error, bytes) => {
      if (bytes === undefined) done(error);
      else parseBody(request, bytes, parse, done);
    });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(['application/json', TYPED_JSON_TYPE], parser(jsonTree));
  app.addContentTypeParser([...MESSAGE_PACK_TYPES], parser(parseMessagePack));
}

/** The framework's own way copies every body; most come in one piece, which is ours. */
function readWhole(
  { raw, headers }: FastifyRequest,
  bytesMax: number,
  done: (error: Error | null, bytes?: Buffer) => void,
): void {
  // Refused before it is sent. Without a length it is not a number, and what comes is counted.
  if (Number(headers['content-length']) > bytesMax) {
    done(tooLarge());
    return;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer): void => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > bytesMax) end(tooLarge());
  };
  const onEnd = (): void => end(null);
  const end = (error: Error | null): void => {
    raw.off('data', onData).off('end', onEnd).off('error', end);
    const [first] = chunks;
    if (error !== null) done(error);
    else done(null, chunks.length === 1 ? first : Buffer.concat(chunks, length));
  };
  raw.on('data', onData).on('end', onEnd).on('error', end);
}

function tooLarge(): WeftError {
  return new WeftError('payload-too-large', 'the request body exceeds the limit of the server');
}

function parseBody(request: FastifyRequest, bytes: Buffer, parse: (bytes: Buffer) => unknown, done: Done): void {
  let body: unknown;
  try {
    checkEncoding(request);
    if (request.headers['idempotency-key'] !== undefined) request.bodyHash = hashOf(bytes);
    body = bytes.length === 0 ? undefined : parse(bytes);
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, body);
}

/** @throws WeftError `unsupported-media-type` for a compressed body or another charset, definite */
export function checkEncoding(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new WeftError('unsupported-media-type', `the Content-Encoding ${encoding} is not supported`);
  }
  const charset = /;\s*charset="?([^";\s]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new WeftError('unsupported-media-type', `the charset ${charset} is not supported; send UTF-8`);
  }
}

function jsonTree(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new WeftError('malformed-request', 'the body is not valid UTF-8');
  return parseJson(bytes.toString('utf8'));
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}

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

/** Replaces the parsers of the framework, which read numbers inexactly. */
export function installBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(['application/json', TYPED_JSON_TYPE], { parseAs: 'buffer' }, (request, bytes, done) => {
    parseBody(request, bytes as Buffer, jsonTree, done);
  });
  app.addContentTypeParser([...MESSAGE_PACK_TYPES], { parseAs: 'buffer' }, (request, bytes, done) => {
    parseBody(request, bytes as Buffer, parseMessagePack, done);
  });
}

function parseBody(
  request: FastifyRequest,
  bytes: Buffer,
  parse: (bytes: Buffer) => unknown,
  done: (error: Error | null, body?: unknown) => void,
): void {
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

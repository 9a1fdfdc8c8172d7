/**
 * `/console`: the pages of the console, as `npm run build` made them. They hold no data, so they need no token; what they
 * show comes from the API, with the token of whoever looks. Files are read once, on the first request, and answered from
 * memory: a path is looked up in a table and never becomes a path of the disk.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';

/** Scripts, styles and calls of this server only. `data:` is the icon of the page. */
const CONTENT_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: ReadonlyMap<string, string> = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['json', 'application/json; charset=utf-8'],
]);

/** The build puts a hash of their content into the names of these, so they never change. */
const HASHED = /^assets\//;

interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

/** @param folder what the build of the console left */
export function addConsoleRoutes(app: FastifyInstance, folder: string): void {
  let assets: ReadonlyMap<string, Asset> | undefined;
  const answer = (path: string, request: FastifyRequest, reply: FastifyReply): void => {
    assets ??= readAssets(folder);
    const asset = assets.get(path);
    if (asset === undefined) {
      throw new WeftError(
        'route-not-found',
        assets.has('index.html')
          ? `the console has no file ${path}`
          : 'the console was not built with this server; `npm run build` makes it',
      );
    }
    send(asset, path, request, reply);
  };
  const schema = { hide: true };
  // Who types the address of a server wants to see something.
  app.get('/', { schema }, (_request, reply) => reply.redirect('/console/', 302));
  app.get('/console', { schema }, (_request, reply) => reply.redirect('/console/', 308));
  app.get('/console/', { schema }, (request, reply) => answer('index.html', request, reply));
  app.get('/console/*', { schema }, (request, reply) =>
    answer((request.params as { readonly '*': string })['*'], request, reply),
  );
}

function send({ type, bytes, gzipped, etag }: Asset, path: string, request: FastifyRequest, reply: FastifyReply): void {
  reply
    .header('content-security-policy', CONTENT_POLICY)
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-opener-policy', 'same-origin')
    .header('cache-control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache')
    .header('vary', 'Accept-Encoding')
    .header('etag', etag);
  if (request.headers['if-none-match'] === etag) {
    reply.code(304).send();
    return;
  }
  reply.header('content-type', type);
  if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
    reply.header('content-encoding', 'gzip').send(gzipped);
  } else {
    reply.send(bytes);
  }
}

/** Empty if the folder is missing. Files of other types than the page needs are left out. */
function readAssets(folder: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return assets;
    throw error;
  }
  for (const name of names) {
    const type = TYPES.get(name.slice(name.lastIndexOf('.') + 1));
    if (type === undefined) continue;
    const bytes = readFileSync(join(folder, name));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    assets.set(name.split(sep).join('/'), { type, bytes, gzipped: gzipSync(bytes), etag });
  }
  return assets;
}

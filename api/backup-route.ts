/**
 * `POST /v1/backup`: everything that this server holds, as it is at one moment, as an archive that is sent while the server goes
 * on. `/v1/backup/holds`: for which backups the log is kept.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { BackupMark } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { describe } from './describe.ts';
import { BACKUP_TYPE } from './media-types.ts';
import { onceGone } from './once-gone.ts';
import { fieldsOf, objectOf } from './parse-fields.ts';
import { readQuery } from './query-parameters.ts';

/** Outside of graphs, so it needs `admin` on the server. */
export function addBackupRoute(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/backup',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Back up all graphs',
        description:
          'All graphs as they are at one moment. With `since` (`id` and `vector` of the header of an earlier backup) only what was ' +
          'committed after it. With `keep`, a name, the log is kept for the next one. `weft backup` calls this and checks what comes.',
        answers: { 200: { doc: 'The archive', schema: 'archive' } },
        body: 'BackupRequest',
        errors: ['invalid-request', 'must-refetch', 'replica-recovering', 'too-many-requests'],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      const { since, keep } = parseRequest(request.body);
      const pieces = context.engine.backup(since, keep);
      // What is refused must be refused before the status is sent.
      const first = await pieces.next();
      // A client that goes away, at once perhaps, must not leave a cut open.
      onceGone(reply, () => void pieces.return(undefined).catch(() => undefined));
      reply.header('content-type', BACKUP_TYPE);
      return reply.send(Readable.from(reported(first, pieces, context, request), { objectMode: false }));
    },
  );

  app.get(
    '/v1/backup/holds',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'For which backups the log is kept',
        answers: { 200: { doc: 'By name', schema: 'BackupHolds' } },
        errors: [],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, { holds: context.engine.backupHolds() });
    },
  );

  app.delete(
    '/v1/backup/holds/:name',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Keep the log no longer for backups of a name',
        path: { name: 'As it was given to `keep`' },
        answers: { 204: { doc: 'It is not kept for them' } },
        errors: [],
      }),
    },
    async (request, reply) => {
      readQuery(request.query, {});
      await context.engine.releaseBackupHold((request.params as { readonly name: string }).name);
      return reply.code(204).send();
    },
  );
}

/** A failure in the middle cuts the answer off, as its status is long sent; at least it is reported. */
async function* reported(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncGenerator<Uint8Array>,
  context: ApiContext,
  request: FastifyRequest,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done !== true) yield first.value;
    yield* pieces;
  } catch (error) {
    context.reportFailure(error, request);
    throw error;
  }
}

interface BackupRequest {
  readonly since?: BackupMark | undefined;
  readonly keep?: string | undefined;
}

/** @throws WeftError `invalid-request`, definite */
function parseRequest(body: unknown): BackupRequest {
  if (body === undefined || body === null) return {};
  const { since, keep } = fieldsOf(body, new Set(['since', 'keep']), '');
  if (keep === undefined) return { since: parseSince(since) };
  if (typeof keep !== 'string' || keep === '' || keep.length > LIMITS.backupHoldNameCharsMax) {
    throw invalid('keep', `must be a name of at most ${LIMITS.backupHoldNameCharsMax} characters`);
  }
  return { since: parseSince(since), keep };
}

function parseSince(since: unknown): BackupMark | undefined {
  if (since === undefined) return undefined;
  const { id, vector } = fieldsOf(since, new Set(['id', 'vector']), 'since');
  if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) throw invalid('since.id', 'must be the id of a backup');
  const entries = Object.entries(objectOf(vector, 'since.vector')).map(([origin, seq]): [ReplicaId, number] => {
    const count = typeof seq === 'number' || typeof seq === 'bigint' ? Number(seq) : Number.NaN;
    if (!/^\d{1,10}$/.test(origin) || !Number.isSafeInteger(count) || count < 0) {
      throw invalid('since.vector', 'must have the number of a commit for each stream');
    }
    return [replicaId(Number(origin)), count];
  });
  return { id, vector: new Map(entries) };
}

function invalid(field: string, why: string): WeftError {
  return new WeftError('invalid-request', `${field} ${why}`, { field });
}

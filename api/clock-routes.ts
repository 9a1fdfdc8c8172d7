/** `/v1/chaos/clock`: puts the wall clock of this server wrong, for experiments; only with `--chaos`. */
import type { FastifyInstance } from 'fastify';
import * as LIMITS from '../base/limits.ts';
import type { ClockFault } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import { describe } from './describe.ts';
import { fieldsOf, invalidField } from './parse-fields.ts';
import { readQuery } from './query-parameters.ts';

const URL = '/v1/chaos/clock';
const FIELDS: ReadonlySet<string> = new Set(['offsetMs']);

export function addClockRoutes(app: FastifyInstance, clock: ClockFault): void {
  app.get(
    URL,
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'How far the clock of this server is off',
        description: 'Only on a server that was started with `--chaos`.',
        answers: { 200: { doc: 'What is added to its wall time', schema: 'ClockOffset' } },
        errors: [],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, { offsetMs: clock.offsetMs });
    },
  );

  app.put(
    URL,
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Put the clock of this server wrong, or right with 0',
        description: 'Only on a server that was started with `--chaos`. The offset lasts until the server stops.',
        body: 'ClockOffset',
        answers: { 200: { doc: 'The offset that is in place now', schema: 'ClockOffset' } },
        errors: ['unsupported-media-type', 'payload-too-large'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      clock.shift(parseOffset(request.body));
      sendDocument(request, reply, { offsetMs: clock.offsetMs });
    },
  );
}

/** @throws WeftError `invalid-request`, definite */
function parseOffset(body: unknown): number {
  const { offsetMs } = fieldsOf(body, FIELDS, '');
  const value = typeof offsetMs === 'bigint' ? Number(offsetMs) : offsetMs;
  const max = LIMITS.clockOffsetMsMax;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= max) return value;
  throw invalidField('offsetMs', `must be a whole number of milliseconds from -${max} to ${max}`);
}

/** `/v1/chaos/links`: faults on the links of this server, for experiments; only with `--chaos`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as LIMITS from '../base/limits.ts';
import { Float } from '../graph/value.ts';
import type { LinkFault, LinkFaults } from '../src/engine-port.ts';
import { sendDocument } from './answer.ts';
import { describe } from './describe.ts';
import { type Fields, fieldsOf, flagField, invalidField, kindOf } from './parse-fields.ts';
import { readQuery } from './query-parameters.ts';

const PEER_PATH = { peer: 'Name of the peer, or its URL as this server has it; percent-encoded' };
const FAULT_FIELDS: ReadonlySet<string> = new Set(['cut', 'direction', 'delayMs', 'dropRate']);
const DIRECTIONS: readonly unknown[] = ['in', 'out', 'both'] satisfies readonly LinkFault['direction'][];

export function addChaosRoutes(app: FastifyInstance, faults: LinkFaults): void {
  app.get(
    '/v1/chaos/links',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'List the faults on links',
        description: 'Only on a server that was started with `--chaos`.',
        answers: { 200: { doc: 'Those that are in place', schema: 'LinkFaults' } },
        errors: [],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      sendDocument(request, reply, { links: faults.list().map(({ peer, fault }) => faultDocument(peer, fault)) });
    },
  );

  app.put(
    '/v1/chaos/links/:peer',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Cut, slow down or spoil the link to a peer',
        description:
          'Only on a server that was started with `--chaos`. Replaces the fault that is there. A cut is a black hole: ' +
          'connections stay open and nothing passes, and new ones do not come about.',
        path: PEER_PATH,
        body: 'LinkFaultChange',
        answers: { 200: { doc: 'The fault that is in place now', schema: 'LinkFault' } },
        errors: ['peer-not-found', 'unsupported-media-type', 'payload-too-large'],
      }),
    },
    (request, reply) => {
      readQuery(request.query, {});
      const peer = peerOf(request);
      const fault = parseFault(request.body);
      faults.set(peer, fault);
      sendDocument(request, reply, faultDocument(peer, fault));
    },
  );

  app.delete(
    '/v1/chaos/links/:peer',
    {
      schema: describe({
        kind: 'operator',
        tag: 'operations',
        summary: 'Heal the link to a peer',
        description: 'Only on a server that was started with `--chaos`.',
        path: PEER_PATH,
        answers: { 204: { doc: 'There is no fault on it now' } },
        errors: ['peer-not-found'],
      }),
    },
    (request: FastifyRequest, reply: FastifyReply) => {
      readQuery(request.query, {});
      faults.heal(peerOf(request));
      reply.code(204).send();
    },
  );
}

function peerOf(request: FastifyRequest): string {
  return (request.params as { readonly peer: string }).peer;
}

function faultDocument(peer: string, { cut, direction, delayMs, dropRate }: LinkFault): object {
  return { peer, cut, direction, delayMs, dropRate };
}

/** @throws WeftError `invalid-request`, definite */
function parseFault(body: unknown): LinkFault {
  const fields = fieldsOf(body, FAULT_FIELDS, '');
  const cut = flagField(fields, 'cut', '');
  const direction = fields.direction ?? 'both';
  if (!DIRECTIONS.includes(direction)) throw invalidField('direction', 'must be "in", "out" or "both"');
  const delayMs = numberField(fields, 'delayMs', LIMITS.faultDelayMsMax);
  if (!Number.isInteger(delayMs)) throw invalidField('delayMs', 'must be a whole number of milliseconds');
  const dropRate = numberField(fields, 'dropRate', 1);
  if (!cut && delayMs === 0 && dropRate === 0) {
    throw invalidField('cut', 'or `delayMs` or `dropRate` must say what is wrong with the link; DELETE heals it');
  }
  return { cut, direction: direction as LinkFault['direction'], delayMs, dropRate };
}

function numberField(fields: Fields, name: string, maximum: number): number {
  const field = fields[name] ?? 0;
  const value = field instanceof Float ? field.value : typeof field === 'bigint' ? Number(field) : field;
  if (typeof value === 'number' && value >= 0 && value <= maximum) return value;
  const but = typeof value === 'number' ? value : kindOf(field);
  throw invalidField(name, `must be a number from 0 to ${maximum}, not ${but}`);
}

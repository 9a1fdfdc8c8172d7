/**
 * Registers at level `strong`: reads, writes, deletes, and compare-and-set by `If-Match` and `If-None-Match`. A register is
 * a node with the property `value`. Each is used for a bounded number of calls, so that its history can be judged.
 */
import type { RegisterOperation } from '../../checkers/register.ts';
import { type Arena, GRAPH, numbered, type Workload } from '../arena.ts';
import type { Client } from '../client.ts';
import type { Reply } from '../http-client.ts';

const CALLS_OF_A_REGISTER = 120;

type Register = { readonly kind: 'register'; readonly operation: RegisterOperation };

export const strongRegisters: Workload = {
  name: 'strong-registers',
  about: 'registers at strong: reads, writes, deletes, compare-and-set with If-Match',
  checkers: ['linearizability'],
  start(arena, options) {
    const { clients = 4, size = 3 } = options;
    let calls = 0;
    let values = 0;
    const key = (client: Client) =>
      `register-${Math.floor(calls++ / (CALLS_OF_A_REGISTER * size))}-${client.random.below(size)}`;
    return numbered(clients).map((index) => {
      const client = arena.client('strong-registers', index, { stays: 0.7 });
      const versions = new Map<string, string>();
      return arena.repeat(client, options, async () => {
        const name = key(client);
        const operation = choose(client, { key: name, value: `v${++values}`, version: versions.get(name) });
        const { answer, reply } = await ask(arena, client, operation);
        if (reply.etag !== undefined) versions.set(name, reply.etag);
        return answer !== undefined;
      });
    });
  },
};

interface Choice {
  readonly key: string;
  readonly value: string;
  readonly version: string | undefined;
}

function choose({ random }: Client, { key, value, version }: Choice): RegisterOperation {
  const chance = random.below(100);
  if (chance < 40) return { key, kind: 'read', value: undefined };
  if (chance < 60) return { key, kind: 'write', value };
  if (chance < 65) return { key, kind: 'delete' };
  const expected = version === undefined || chance < 70 ? { value: undefined } : { version };
  return { key, kind: 'compare-and-set', expected, value };
}

function ask(_arena: Arena, client: Client, operation: RegisterOperation) {
  const path = `${GRAPH}/nodes/${operation.key}`;
  const call: Register = { kind: 'register', operation };
  const common = { call, level: 'strong', path } as const;
  const done = (answered: RegisterOperation): Register => ({ kind: 'register', operation: answered });
  switch (operation.kind) {
    case 'read':
      return client.ask({ ...common, method: 'GET', isRead: true, answer: (reply) => readAnswer(operation, reply) });
    case 'delete':
      return client.ask({
        ...common,
        path: `${path}?detach=true`,
        method: 'DELETE',
        answer: ({ status, code }) =>
          status === 204
            ? done({ ...operation, existed: true })
            : code === 'node-not-found'
              ? done({ ...operation, existed: false })
              : undefined,
      });
    default:
      return client.ask({
        ...common,
        method: 'PUT',
        headers: conditionOf(operation),
        body: { properties: { value: 'value' in operation ? operation.value : 0 } },
        answer: (reply) => writeAnswer(operation, reply),
      });
  }
}

function conditionOf(operation: RegisterOperation): Record<string, string> {
  if (operation.kind !== 'compare-and-set') return {};
  const { expected } = operation;
  return 'version' in expected ? { 'if-match': expected.version } : { 'if-none-match': '*' };
}

function readAnswer(operation: RegisterOperation, { status, code, body, etag }: Reply): Register | undefined {
  if (operation.kind !== 'read') return undefined;
  if (code === 'node-not-found') return { kind: 'register', operation };
  if (status !== 200) return undefined;
  const value = body.properties.value;
  return { kind: 'register', operation: { ...operation, value, ...(etag !== undefined && { version: etag }) } };
}

function writeAnswer(operation: RegisterOperation, { status, code, etag }: Reply): Register | undefined {
  const version = etag === undefined ? {} : { version: etag };
  const isDone = status === 200 || status === 201;
  if (operation.kind === 'write')
    return isDone ? { kind: 'register', operation: { ...operation, ...version } } : undefined;
  if (operation.kind !== 'compare-and-set') return undefined;
  if (isDone) return { kind: 'register', operation: { ...operation, applied: true, ...version } };
  return code === 'precondition-failed' ? { kind: 'register', operation: { ...operation, applied: false } } : undefined;
}

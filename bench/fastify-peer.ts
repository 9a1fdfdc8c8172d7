/** The peer of the HTTP benchmarks, a program: bare Fastify, one route that answers, one that validates. No storage. */
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';

/** The node as the server under test answers it. */
const NODE_TEXT =
  '{"id":"29SbD-N-41VWyfn","labels":["Person"],"properties":{"name":"Person number 123456","age":42,"city":"City 123"}}';

/** The shape of the body as TypeBox would write it, with the properties spelt out. */
const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['labels', 'properties'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 1024 },
    labels: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 1024 } },
    properties: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'age', 'city'],
      properties: { name: { type: 'string' }, age: { type: 'integer' }, city: { type: 'string' } },
    },
  },
} as const;

const COUNTERS = [
  'nodesCreated',
  'nodesDeleted',
  'relationshipsCreated',
  'relationshipsDeleted',
  'propertiesSet',
  'labelsAdded',
  'labelsRemoved',
  'indexesAdded',
  'indexesRemoved',
  'constraintsAdded',
  'constraintsRemoved',
];

interface Body {
  readonly labels: readonly string[];
  readonly properties: object;
}

const app = Fastify({ logger: false });
app.get('/v1/graphs/:graph/nodes/:id', (_request, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8').send(NODE_TEXT);
});
/** The answer of weft to the point query, its bookmark included. */
const QUERY_TEXT = JSON.stringify({
  data: { fields: ['name'], values: [['Person number 000001']] },
  counters: {
    containsUpdates: false,
    ...Object.fromEntries(COUNTERS.map((counter) => [counter, 0])),
  },
  bookmarks: ['AbcdefghijklmnopqrstuvwxyzABCDEFGHI'],
});
app.post('/v1/graphs/:graph/query', (_request, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8').send(QUERY_TEXT);
});
let made = 1_000_000;
app.post<{ Body: Body }>('/v1/graphs/:graph/nodes', { schema: { body: BODY } }, (request, reply) => {
  const { labels, properties } = request.body;
  reply.code(201).send({ id: `-Nq0ZtB-${made++}`, labels, properties });
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`listening on http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
process.on('SIGTERM', () => process.exit(0));

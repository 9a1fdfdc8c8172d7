/** `/openapi.json` and the page at `/docs` that browses it. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { DOCUMENTED_ERRORS } from '../base/error-docs.ts';
import { JSON_TYPE } from './media-types.ts';
import { SCHEMAS } from './schemas.ts';

const TAGS = {
  graphs: 'Graphs',
  nodes: 'Nodes',
  edges: 'Edges (relationships)',
  traversal: 'Walks over the graph',
  bulk: 'Batches, import and export',
  proof: 'Convergence and integrity',
  operations: 'For operators',
};

/** Collects every route that is added from now on. */
export function installOpenApi(app: FastifyInstance): void {
  for (const [name, schema] of Object.entries(SCHEMAS)) app.addSchema({ $id: name, ...schema });
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'weft',
        version: '1',
        description: 'A property-graph database that keeps working when the network does not.',
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
      // The whole error table, for clients that generate code from it.
      ...({ 'x-errors': DOCUMENTED_ERRORS } as object),
    },
    refResolver: { buildLocalReference: (json) => String(json.$id) },
  });
}

export function addOpenApiRoutes(app: FastifyInstance): void {
  let text: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    reply.header('content-type', JSON_TYPE).send(text);
  });
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: {
      'default-src': "'self'",
      'img-src': ["'self'", 'data:'],
      // The page sets styles of single elements.
      'style-src': ["'self'", "'unsafe-inline'"],
      'object-src': "'none'",
      'base-uri': "'self'",
      'frame-ancestors': "'none';",
    },
  });
}

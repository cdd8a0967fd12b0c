import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { PROBLEMS } from './problem.ts';
import type { ServingApp } from './services.ts';

/** OpenAPI at `/openapi.json`, made of the routes' own schemas, and its pages at `/docs`. To be called before the routes. */
export async function apiDocs(app: ServingApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tidemark', version: '1', description: description() },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

function description(): string {
  const rows = Object.entries(PROBLEMS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`);
  return [
    'A complete, current view of every customer: the batch view of a generation and the deltas after its cut, merged.',
    'Money is a decimal string, offsets are decimal strings, times are RFC 3339 in UTC.',
    'Errors are problems as RFC 9457 has them (`application/problem+json`), with a stable `code`:',
    '',
    '| code | status | meaning |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

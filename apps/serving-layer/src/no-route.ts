import { ApiProblem } from './problem.ts';
import type { ServingApp } from './services.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Answers what is not served: another method of a path that is there with 405 and `Allow`, any other path with 404. To be
 * called before the first route; `seal` after the last one.
 */
export function unserved(app: ServingApp): { seal(): void } {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    methodsOf.set(url, methods);
  });
  return {
    seal() {
      for (const [url, served] of [...methodsOf]) {
        const allow = [...served].sort().join(', ');
        app.route({
          method: METHODS.filter((method) => !served.has(method)),
          url,
          schema: { hide: true },
          // Before a body is read: what it holds does not matter.
          onRequest: async (_request, reply) => {
            reply.header('allow', allow);
            throw new ApiProblem('TIDEMARK_API_METHOD_NOT_ALLOWED', `Use ${allow}.`);
          },
          handler: async () => undefined,
        });
      }
      const beforeNotFound = app.rateLimit === undefined ? [] : [app.rateLimit()];
      app.setNotFoundHandler({ preHandler: beforeNotFound }, async () => {
        throw new ApiProblem('TIDEMARK_API_NO_ROUTE', 'The paths are listed at /docs.');
      });
    },
  };
}

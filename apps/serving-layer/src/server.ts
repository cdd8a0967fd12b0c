import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { acceptJson } from './json-body.ts';
import { ApiProblem } from './problem.ts';
import { answerProblem } from './problem-answer.ts';
import { customerRoute } from './routes/customer.ts';
import { createServices, type ServingApp } from './services.ts';
import type { ServingContext } from './serving-context.ts';

/** An id of 256 bytes, each percent-encoded. */
const MAX_PARAM_LENGTH = 256 * 3;
/** 500 ids of 256 bytes as JSON, with room for escapes. */
const BODY_LIMIT_BYTES = 512 * 1024;

/** The HTTP API over a context, ready to listen or to be injected into. Closing it closes nothing of the context. */
export async function buildServer(context: ServingContext): Promise<ServingApp> {
  const { logger, limits } = context;
  const app = Fastify({
    logger: false,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 10_000,
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: true,
    frameworkErrors: (error, request, reply) => answerProblem(logger, error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas; checking each again while it is written would cost more than reading it.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler((error, request, reply) => answerProblem(logger, error, request, reply));
  acceptJson(app);

  if (limits.requestsPerMinute > 0) {
    await app.register(rateLimit, {
      max: limits.requestsPerMinute,
      timeWindow: 60_000,
      errorResponseBuilder: (_request, { after }) =>
        new ApiProblem('TIDEMARK_API_TOO_MANY_REQUESTS', `Too many requests. Ask again in ${after}.`),
    });
  }

  const services = createServices(context);
  customerRoute(app, services);
  return app;
}

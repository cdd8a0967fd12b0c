import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { apiDocs } from './api-docs.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { driftMetrics } from './drift-metrics.ts';
import { httpMetrics } from './http-metrics.ts';
import { acceptJson } from './json-body.ts';
import { unserved } from './no-route.ts';
import { tellOutlived } from './outlived.ts';
import { ApiProblem } from './problem.ts';
import { answerProblem } from './problem-answer.ts';
import { batchGetRoute } from './routes/batch-get.ts';
import { customerRoute } from './routes/customer.ts';
import { customersRoute } from './routes/customers.ts';
import { deadLettersRoute } from './routes/dead-letters.ts';
import { driftRoutes } from './routes/drift.ts';
import { exportRoute } from './routes/export.ts';
import { generationsRoute } from './routes/generations.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsCatalogRoute } from './routes/metrics-catalog.ts';
import { createServices, type ServingApp } from './services.ts';
import type { ServingContext } from './serving-context.ts';

/** An id of 256 bytes, each percent-encoded. */
const MAX_PARAM_LENGTH = 256 * 3;
/** 500 ids of 256 bytes as JSON, with room for escapes. */
const BODY_LIMIT_BYTES = 512 * 1024;
/** How long requests under way may take to finish when the server closes. */
const CLOSE_GRACE_MS = 2000;

/**
 * The HTTP API over a context, ready to listen or to be injected into. `close` lets requests under way finish for two
 * seconds, tears off exports, and closes nothing of the context.
 */
export async function buildServer(context: ServingContext): Promise<ServingApp> {
  const { logger, limits } = context;
  const app = Fastify({
    // Requests are counted, not logged: their paths name customers.
    logger: false,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 10_000,
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => answerProblem(logger, error, request, reply),
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas; checking each again while it is written would cost more than reading it.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  const services = createServices(context);
  app.setErrorHandler((error, request, reply) => {
    tellOutlived(services, error);
    answerProblem(logger, error, request, reply);
  });
  acceptJson(app);
  closeWithin(app, CLOSE_GRACE_MS, context.stopping);

  if (limits.requestsPerMinute > 0) {
    await app.register(rateLimit, {
      max: limits.requestsPerMinute,
      timeWindow: 60_000,
      // Who is turned away learns when to come back; three headers on every other answer would tell nobody anything.
      addHeaders: {
        'retry-after': true,
        'x-ratelimit-limit': false,
        'x-ratelimit-remaining': false,
        'x-ratelimit-reset': false,
      },
      addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      errorResponseBuilder: (_request, { after }) =>
        new ApiProblem('TIDEMARK_API_TOO_MANY_REQUESTS', `Too many requests. Ask again in ${after}.`),
    });
  }
  await apiDocs(app);
  const { seal } = unserved(app);

  httpMetrics(app, services);
  driftMetrics(services);
  customerRoute(app, services);
  exportRoute(app, services);
  customersRoute(app, services);
  batchGetRoute(app, services);
  generationsRoute(app, services);
  driftRoutes(app, services);
  metricsCatalogRoute(app, services);
  deadLettersRoute(app, services);
  healthRoutes(app, services);
  seal();
  return app;
}

/**
 * Requests that are answered after the server was told to stop are the last on their connections; what still serves one
 * when the grace after its close is over is cut, so that a slow client can't hold up the close.
 */
function closeWithin(app: ServingApp, graceMs: number, stopping: AbortSignal): void {
  let timer: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (stopping.aborted || timer !== undefined) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
}

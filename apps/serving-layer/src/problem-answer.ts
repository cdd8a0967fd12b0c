import { TidemarkError } from '@tidemark/contracts';
import type { Logger } from '@tidemark/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { ApiProblem, type ProblemCode, RETRY_AFTER_S } from './problem.ts';

/** Fastify's own errors that speak of the request, by their code. */
const OF_FASTIFY: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['TIDEMARK_API_BODY_TOO_LARGE', 'Send fewer ids in one request.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['TIDEMARK_API_UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['TIDEMARK_API_INVALID_BODY', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['TIDEMARK_API_INVALID_BODY', 'The body is empty.'],
  FST_ERR_BAD_URL: ['TIDEMARK_API_INVALID_REQUEST', 'The path is not percent-encoded UTF-8.'],
  FST_ERR_MAX_PARAM_LENGTH: ['TIDEMARK_API_INVALID_REQUEST', 'A part of the path is too long.'],
};

/** Which problem an error is to a client. What it must not know stays in the cause, for the log. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const part = error.validationContext ?? 'request';
    const errors = error.validation.map(({ instancePath, message }) => ({
      at: `${part}${instancePath}`,
      message: message ?? 'is not as documented',
    }));
    return new ApiProblem('TIDEMARK_API_INVALID_REQUEST', 'The request is not as documented; see `errors`.', {
      errors,
    });
  }
  if (error instanceof TidemarkError && (error.retryable || error.code === 'TIDEMARK_VIEWS_GONE')) {
    return new ApiProblem('TIDEMARK_API_UNAVAILABLE', 'The views do not answer right now.', { cause: error });
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = OF_FASTIFY[code];
  if (known) return new ApiProblem(...known, { cause: error });
  return new ApiProblem('TIDEMARK_API_INTERNAL', 'The server failed; its log says how.', { cause: error });
}

/** Answers an error as a problem, and logs what the operator must know of. Paths name customers, so routes are logged. */
export function answerProblem(logger: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  const route = request.routeOptions.url ?? 'none';
  if (problem.status === 500) logger.error({ err: problem.cause, route }, 'a request failed');
  if (problem.code === 'TIDEMARK_API_UNAVAILABLE') {
    logger.warn({ err: problem.cause ?? problem, route }, 'a store does not answer');
  }
  if (problem.status === 503) reply.header('retry-after', String(RETRY_AFTER_S));
  reply.code(problem.status).header('content-type', 'application/problem+json').send(JSON.stringify(problem.toBody()));
}

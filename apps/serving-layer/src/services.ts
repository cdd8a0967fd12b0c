import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { CustomerReader } from './customer-reader.ts';
import { Pins } from './pins.ts';
import { ProgressReader } from './progress.ts';
import { answerSchemas } from './schema/answer.ts';
import type { ServingContext } from './serving-context.ts';
import { Turn } from './turn.ts';

/** The server as routes see it: their zod schemas type what they are given. */
export type ServingApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes share: one pin, one progress for all of them. */
export type Services = {
  readonly context: ServingContext;
  readonly pins: Pins;
  readonly turn: Turn;
  readonly progress: ProgressReader;
  readonly customers: CustomerReader;
  readonly answers: ReturnType<typeof answerSchemas>;
};

export function createServices(context: ServingContext): Services {
  const pins = new Pins(context);
  const progress = new ProgressReader(context);
  const customers = new CustomerReader(context, pins, progress);
  return { context, pins, turn: new Turn(context), progress, customers, answers: answerSchemas(context.definition) };
}

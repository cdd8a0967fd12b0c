import type { Run } from '@tidemark/catalog';
import { formatTime } from '@tidemark/contracts';
import { z } from 'zod';
import { fromCatalog } from '../outage.ts';
import { cutAnswer } from '../pins.ts';
import { limit } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const querystring = z.strictObject({ limit: limit(50, 500) });

const count = z.union([z.string(), z.number()]);
const step = z.strictObject({
  name: z.string(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
  counts: z.record(z.string(), count).readonly(),
});
const generation = z.strictObject({
  generation: z.int(),
  status: z.enum(['running', 'published', 'kept', 'rejected', 'failed', 'abandoned']),
  live: z.boolean(),
  readable: z.boolean().describe('Published, and not below the floor: `?generation=` answers.'),
  barrier_at: z.string(),
  published_at: z.string().nullable(),
  base: z.int().nullable(),
  excluded: z.array(z.int()).readonly().nullable(),
  cut: z.strictObject({ partitions: z.record(z.string(), z.string()), imports: z.int() }).nullable(),
  reason: z.string().nullable(),
  steps: z.array(step),
});
const answer = z.strictObject({
  definition: z.string(),
  live: z.int().nullable(),
  floor: z.int().nullable(),
  publishing: z.enum(['on', 'paused']).nullable(),
  generations: z.array(generation).describe('Newest first.'),
});

/** `GET /v1/generations`: the runs of the definition served, and which of them can be read. */
export function generationsRoute(app: ServingApp, { context, pins }: Services): void {
  const schema = { summary: 'Batch runs of this definition', querystring, response: { 200: answer } };
  app.get('/v1/generations', { schema }, async (request) => {
    const definition = context.definition.id;
    const [pointer, runs] = await Promise.all([
      pins.pointer(),
      fromCatalog(context.catalog.runs({ definition, limit: request.query.limit })),
    ]);
    return {
      definition,
      live: pointer?.generation ?? null,
      floor: pointer?.floor ?? null,
      publishing: pointer?.publishing ?? null,
      generations: runs.map((run) => ({
        ...generationAnswer(run),
        live: run.generation === pointer?.generation,
        readable: run.status === 'published' && pointer !== null && run.generation >= pointer.floor,
      })),
    };
  });
}

const optionalTime = (ms: number | null): string | null => (ms === null ? null : formatTime(ms));

function generationAnswer(run: Run) {
  return {
    generation: run.generation,
    status: run.status,
    // Set by the caller; they stand here for the order of the fields.
    live: false,
    readable: false,
    barrier_at: formatTime(run.barrierAtMs),
    published_at: optionalTime(run.publishedAtMs),
    base: run.base,
    excluded: run.excluded,
    cut: run.cut && cutAnswer({ partitions: run.cut, imports: run.imports }),
    reason: run.reason,
    steps: run.steps.map(({ name, startedAtMs, endedAtMs, counts }) => ({
      name,
      started_at: formatTime(startedAtMs),
      ended_at: optionalTime(endedAtMs),
      counts,
    })),
  };
}

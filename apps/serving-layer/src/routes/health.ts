import { z } from 'zod';
import type { Pins } from '../pins.ts';
import { ApiProblem } from '../problem.ts';
import type { Services, ServingApp } from '../services.ts';
import type { ServingContext } from '../serving-context.ts';
import type { Turn } from '../turn.ts';

const ok = z.strictObject({ ok: z.literal(true) });
const ready = z.strictObject({ ready: z.literal(true), generation: z.int().nullable() });

/** `GET /healthz`: the process lives. `GET /readyz`: its answers are whole and of the definition served, and it is not about to stop. */
export function healthRoutes(app: ServingApp, { context, pins, turn }: Services): void {
  const config = { rateLimit: false };
  app.get('/healthz', { config, schema: { summary: 'Alive', response: { 200: ok } } }, async () => ({
    ok: true as const,
  }));
  app.get('/readyz', { config, schema: { summary: 'Ready', response: { 200: ready } } }, async () => ({
    ready: true as const,
    generation: await readyGeneration(context, pins, turn),
  }));
}

/**
 * The live generation when answers are whole; null when they come from deltas alone because nothing else ever was. Throws
 * the problem (503) that makes the server not ready: it stops, a store is down, history waits for its first generation, or
 * another definition is served.
 */
async function readyGeneration(
  context: Pick<ServingContext, 'definition' | 'awaitsFirstGeneration' | 'stopping'>,
  pins: Pins,
  turn: Turn,
): Promise<number | null> {
  if (context.stopping.aborted) throw new ApiProblem('TIDEMARK_API_UNAVAILABLE', 'The server stops.');
  const other = await turn.otherServed();
  if (other !== null) {
    throw new ApiProblem(
      'TIDEMARK_API_NOT_SERVED',
      `Definition ${other} is served; this server answers by ${context.definition.id}.`,
    );
  }
  const pointer = await pins.pointer();
  if (pointer !== null) return pointer.generation;
  if (!(await context.awaitsFirstGeneration())) return null;
  // The first may have been published since the pointer was read: every server would be out of the balance at once.
  const latest = await pins.latestPointer();
  if (latest !== null) return latest.generation;
  throw new ApiProblem('TIDEMARK_API_UNAVAILABLE', 'Imported or earlier history waits for its first generation.');
}

import type { Drift } from '@tidemark/catalog';
import { formatTime } from '@tidemark/contracts';
import { DRIFT_CAUSES } from '@tidemark/metrics';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { fromCatalog } from '../outage.ts';
import { ApiProblem } from '../problem.ts';
import { generation, limit } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const querystring = z.strictObject({ limit: limit(50, 500), cursor: z.string().optional() });
const params = z.strictObject({ generation });
const driftCursor = z.strictObject({ below: z.int().min(1) });

const cause = z.enum(DRIFT_CAUSES);
const head = {
  generation: z.int(),
  status: z.enum(['measured', 'not measured']),
  reason: z.string().nullable().describe('Why it was not measured.'),
  base: z.int().nullable().describe('The generation whose view was held against this one; null: deltas alone.'),
  as_of: z.string().describe('The moment both were finished at.'),
  measured_at: z.string(),
  compared: z.int().describe('Customers touched or changed since the base.'),
  differing: z.int(),
  causes: z.partialRecord(cause, z.int()).describe('Customers by cause. `lost` is a defect.'),
};
const summary = z.strictObject(head);
const list = z.strictObject({
  definition: z.string(),
  drifts: z.array(summary).describe('Newest generation first.'),
  next_cursor: z.string().nullable(),
});

const value = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.string()).readonly(),
  z.record(z.string(), z.number()).readonly(),
]);
const place = z.union([
  z.strictObject({ partition: z.int(), offset: z.string() }),
  z.strictObject({ import: z.int(), row: z.string() }),
]);
const event = z.strictObject({
  event_id: z.string(),
  source: z.string(),
  kind: z.string(),
  key: z.string(),
  at: place,
});
const example = z.strictObject({
  customer_id: z.string(),
  before: value.describe('What the view before said.'),
  after: value.describe('What the generation says.'),
  events: z.array(event).readonly().describe('Events behind the difference; a few of them.'),
});
const figures = {
  customers: z.int(),
  total: z.string().nullable().describe('Sum of what was corrected, after less before; null when it is no number.'),
  largest: z.string().nullable().describe('The correction farthest from zero.'),
};
const metric = z.strictObject({
  metric: z.string(),
  unit: z.string(),
  ...figures,
  causes: z.array(z.strictObject({ cause, ...figures, examples: z.array(example).readonly() })).readonly(),
});
const whole = z.strictObject({ ...head, metrics: z.array(metric).readonly().describe('Those that differ.') });

/** `GET /v1/drift` and `GET /v1/drift/:generation`: what generations corrected of the views before them, and why. */
export function driftRoutes(app: ServingApp, { context: { catalog, definition } }: Services): void {
  app.get(
    '/v1/drift',
    { schema: { summary: 'What each generation corrected', querystring, response: { 200: list } } },
    async (request) => {
      const { limit: size, cursor } = request.query;
      const below = cursor === undefined ? null : decodeCursor(driftCursor, cursor).below;
      // One more than asked for says whether there is a next page.
      const drifts = await fromCatalog(catalog.drifts({ definition: definition.id, below, limit: size + 1 }));
      const page = drifts.slice(0, size);
      const last = drifts.length > size ? page.at(-1) : undefined;
      return {
        definition: definition.id,
        drifts: page.map(headOf),
        next_cursor: last ? encodeCursor({ below: last.generation }) : null,
      };
    },
  );
  app.get(
    '/v1/drift/:generation',
    { schema: { summary: 'What a generation corrected, by metric and cause', params, response: { 200: whole } } },
    async (request) => {
      const asked = request.params.generation;
      const [run, drift] = await fromCatalog(Promise.all([catalog.run(asked), catalog.drift(asked)]));
      if (run?.definition !== definition.id || run.publishedAtMs === null) {
        throw new ApiProblem('TIDEMARK_API_UNKNOWN_GENERATION', `Generation ${asked} was never published.`);
      }
      if (!drift)
        throw new ApiProblem('TIDEMARK_API_NO_DRIFT', `The drift of generation ${asked} is not measured yet.`);
      return { ...headOf(drift), metrics: drift.metrics };
    },
  );
}

function headOf({ generation: of, status, reason, base, asOfMs, measuredAtMs, compared, differing, causes }: Drift) {
  return {
    generation: of,
    status,
    reason,
    base,
    as_of: formatTime(asOfMs),
    measured_at: formatTime(measuredAtMs),
    compared,
    differing,
    causes,
  };
}

import { measureDrift } from '@tidemark/batch-layer';
import type { Drift } from '@tidemark/catalog';
import { type NaiveMetrics, naiveMerged, naiveRecompute } from '@tidemark/oracle';
import { CUSTOMERS, DEFINITION, type World } from './world.ts';

/** Metrics that add up, whatever was taken back. */
const SUMS = [
  'total_revenue',
  'order_count',
  'cancelled_orders',
  'refunds_total',
  'refund_count',
  'tickets_total',
  'open_tickets',
  'tickets_30d',
  'email_opens',
  'campaign_views',
] as const satisfies readonly (keyof NaiveMetrics)[];

/**
 * At quiet: whatever was measured of a sound generation, nothing was lost (killed writers, late rows and dead runs leave
 * what the log makes of them), and of the newest one each sum is corrected by what the oracle says of both sides. Answers
 * how many metrics differed.
 */
export async function driftLaw(world: World): Promise<number> {
  const { catalog, views, context, wrong } = world;
  const generation = (await views.pointer())?.generation ?? 0;
  const newest = await measureDrift(context, generation, 0);
  if (newest.status !== 'measured') throw new Error(`the drift of generation ${generation}: ${newest.reason}`);
  const before = await catalog.drifts({ definition: DEFINITION.id, below: generation, limit: 1_000 });
  for (const { causes, metrics, ...drift } of [newest, ...before]) {
    if (!causes.lost || wrong.has(drift.generation)) continue;
    throw new Error(`generation ${drift.generation} says that something was lost: ${JSON.stringify(metrics)}`);
  }
  const sides = await naiveSides(world, newest);
  // Before a first generation nobody was answered what only imports know of: there is nothing that it could correct.
  const compared = newest.base === null ? CUSTOMERS.filter((customer) => sides.before.has(customer)) : CUSTOMERS;
  for (const metric of SUMS) {
    const amounts = compared.map(
      (customer) => amount(sides.after.get(customer), metric) - amount(sides.before.get(customer), metric),
    );
    const expected = { customers: amounts.filter((one) => one !== 0n).length, total: amounts.reduce((a, b) => a + b) };
    const found = newest.metrics.find((one) => one.metric === metric);
    const told = { customers: found?.customers ?? 0, total: minorUnits(found?.total ?? '0') };
    if (told.customers === expected.customers && told.total === expected.total) continue;
    throw new Error(
      `${metric} was corrected by ${told.total} for ${told.customers} customers, but by ${expected.total} for ${expected.customers} by the oracle`,
    );
  }
  return newest.metrics.length;
}

/** What the oracle says of the view before a generation, and of the generation. */
async function naiveSides({ catalog, mirror }: World, { generation, base, asOfMs }: Drift) {
  const [run, before] = [await catalog.run(generation), base === null ? null : await catalog.run(base)];
  const covered = (offset: bigint, end: bigint | undefined) => offset < (end ?? 0n);
  const asked = { asOfMs, currency: DEFINITION.currency };
  const prefix = mirror.accepted((partition, offset) => covered(offset, before?.cut?.get(partition)));
  const all = mirror.accepted((partition, offset) => covered(offset, run?.cut?.get(partition)));
  const after = mirror.accepted(
    (partition, offset) => covered(offset, run?.cut?.get(partition)) && !covered(offset, before?.cut?.get(partition)),
  );
  const merged = naiveMerged([...mirror.importedUpTo(before?.imports ?? 0), ...prefix], after, {
    ...asked,
    barriers: mirror.barriers(),
  });
  return {
    before: new Map([...merged].map(([customer, { metrics }]) => [customer, metrics])),
    after: naiveRecompute([...mirror.importedUpTo(run?.imports ?? 0), ...all], asked),
  };
}

const amount = (metrics: NaiveMetrics | undefined, metric: (typeof SUMS)[number]): bigint =>
  minorUnits(String(metrics?.[metric] ?? 0));

const minorUnits = (text: string): bigint => BigInt(text.replace('.', ''));

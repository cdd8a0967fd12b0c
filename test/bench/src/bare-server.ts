import Fastify from 'fastify';
import { openBareReads } from './bare-reads.ts';

/** A route that answers with the two reads of a customer as they come: what no serving layer can do without. */
const {
  TIDEMARK_VIEWS_URL: viewsUrl = '',
  BENCH_DEFINITION: definition = '',
  BENCH_GENERATION: generation = '',
} = process.env;
const reads = await openBareReads(viewsUrl, definition, Number(generation));
// The driver of Cassandra gives numbers that JSON has no word for.
Object.assign(BigInt.prototype, {
  toJSON(this: bigint) {
    return this.toString();
  },
});
const app = Fastify();
app.get<{ Params: { id: string } }>('/v1/customers/:id', async ({ params }) => {
  const [batch, deltas] = await Promise.all([reads.batch(params.id), reads.deltas(params.id)]);
  return { batch, deltas };
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', async () => {
  await app.close();
  await reads.close();
  process.disconnect();
});
process.send?.({ type: 'ready', url });

import { openPool } from '@tidemark/postgres';
import { Client } from 'cassandra-driver';

/** What a driver gives of a customer's newest batch row and deltas: prepared once, decoded by the driver, merged by nobody. */
export type BareReads = {
  batch(customerId: string): Promise<unknown>;
  deltas(customerId: string): Promise<unknown>;
  close(): Promise<void>;
};

export async function openBareReads(url: string, definition: string, generation: number): Promise<BareReads> {
  return url.startsWith('cassandra:')
    ? await inCassandra(new URL(url), definition, generation)
    : inPostgres(url, definition, generation);
}

function inPostgres(url: string, definition: string, generation: number): BareReads {
  const pool = openPool(url, { applicationName: 'tidemark bench' });
  const read = async (name: string, text: string, customerId: string) =>
    (await pool.query({ name, text, values: [customerId, generation] })).rows;
  const [batch, delta] = [`tidemark_views.batch_${definition}`, `tidemark_views.delta_${definition}`];
  const newest = `SELECT * FROM ${batch} WHERE customer_id = $1 AND generation <= $2 ORDER BY generation DESC LIMIT 1`;
  const since = `SELECT * FROM ${delta} WHERE customer_id = $1 AND epoch >= $2`;
  return {
    batch: (customerId) => read('batch', newest, customerId),
    deltas: (customerId) => read('deltas', since, customerId),
    close: () => pool.end(),
  };
}

async function inCassandra({ host, searchParams }: URL, definition: string, generation: number): Promise<BareReads> {
  const keyspace = searchParams.get('keyspace') ?? '';
  const client = new Client({
    contactPoints: host.split(','),
    localDataCenter: searchParams.get('dc') ?? '',
    keyspace,
    encoding: { map: Map, useBigIntAsVarint: true },
  });
  await client.connect();
  const read = async (text: string, values: readonly unknown[]) =>
    (await client.execute(text, [...values], { prepare: true })).rows;
  const newest = `SELECT * FROM batch_${definition} WHERE customer_id = ? AND generation <= ? LIMIT 1`;
  const since = `SELECT * FROM delta_${definition} WHERE customer_id = ?`;
  return {
    batch: (customerId) => read(newest, [customerId, generation]),
    deltas: (customerId) => read(since, [customerId]),
    close: () => client.shutdown(),
  };
}

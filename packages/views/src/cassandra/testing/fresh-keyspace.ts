import { randomBytes } from 'node:crypto';
import { Client, type DseClientOptions } from 'cassandra-driver';
import { SHARED_TABLES } from '../schema.ts';

export type FreshKeyspace = {
  readonly name: string;
  /** For `openViews`, which makes it. */
  readonly url: string;
  /** Leaves its tables as they are when they are made, which takes a node far longer. Nobody may have it open. */
  readonly empty: () => Promise<void>;
  readonly drop: () => Promise<void>;
};

/** To drop a keyspace of many tables takes a busy node minutes. */
const TIMEOUT_MS = 300_000;

/** A keyspace of a test's own on the node at `host:port`. */
export function freshKeyspace(node: string): FreshKeyspace {
  const name = `views_${randomBytes(6).toString('hex')}`;
  return {
    name,
    url: `cassandra://${node}?dc=datacenter1&keyspace=${name}&rf=1`,
    empty: () => withClient(node, (client) => emptyTables(client, name)),
    drop: () => withClient(node, async (client) => void (await client.execute(`DROP KEYSPACE IF EXISTS ${name}`))),
  };
}

/** What is set by compare-and-set alone is taken away by it, too: nothing else may touch such a row. */
async function emptyTables(client: Client, keyspace: string): Promise<void> {
  const tables = await client.execute('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [
    keyspace,
  ]);
  const compared = new Set(SHARED_TABLES.map(({ name }) => name));
  const own = tables.rows.map(({ table_name: name }) => String(name)).filter((name) => !compared.has(name));
  await Promise.all(own.map((name) => client.execute(`TRUNCATE ${keyspace}.${name}`)));
  const pointers = await client.execute(`SELECT definition FROM ${keyspace}.live_pointer`);
  for (const { definition } of pointers.rows)
    await client.execute(`DELETE FROM ${keyspace}.live_pointer WHERE definition = ? IF EXISTS`, [definition]);
  const serving = await client.execute(`SELECT only FROM ${keyspace}.serving`);
  for (const { only } of serving.rows)
    await client.execute(`DELETE FROM ${keyspace}.serving WHERE only = ? IF EXISTS`, [only], { prepare: true });
}

/** A client of the driver as somebody else's program would have it. */
export async function bareClient(node: string, options: Partial<DseClientOptions> = {}): Promise<Client> {
  const client = new Client({
    contactPoints: [node],
    localDataCenter: 'datacenter1',
    socketOptions: { readTimeout: TIMEOUT_MS },
    ...options,
  });
  await client.connect();
  return client;
}

/** Runs `work` with such a client. */
export async function withClient<T>(
  node: string,
  work: (client: Client) => Promise<T>,
  options: Partial<DseClientOptions> = {},
): Promise<T> {
  const client = await bareClient(node, options);
  try {
    return await work(client);
  } finally {
    await client.shutdown();
  }
}

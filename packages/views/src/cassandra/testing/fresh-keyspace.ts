import { randomBytes } from 'node:crypto';
import { Client, type DseClientOptions } from 'cassandra-driver';

export type FreshKeyspace = {
  readonly name: string;
  /** For `openViews`, which makes it. */
  readonly url: string;
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
    drop: () => withClient(node, async (client) => void (await client.execute(`DROP KEYSPACE IF EXISTS ${name}`))),
  };
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

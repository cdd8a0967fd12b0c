import { randomBytes } from 'node:crypto';
import { Client, type DseClientOptions } from 'cassandra-driver';

export type FreshKeyspace = {
  readonly name: string;
  /** For `openViews`, which makes it. */
  readonly url: string;
  readonly drop: () => Promise<void>;
};

/** A keyspace of a test's own on the node at `host:port`. */
export function freshKeyspace(node: string): FreshKeyspace {
  const name = `views_${randomBytes(6).toString('hex')}`;
  return {
    name,
    url: `cassandra://${node}?dc=datacenter1&keyspace=${name}&rf=1`,
    drop: () => withClient(node, async (client) => void (await client.execute(`DROP KEYSPACE IF EXISTS ${name}`))),
  };
}

/** Runs `work` with a bare client of the driver, as somebody else's program would have it. */
export async function withClient<T>(
  node: string,
  work: (client: Client) => Promise<T>,
  options: Partial<DseClientOptions> = {},
): Promise<T> {
  const client = new Client({
    contactPoints: [node],
    localDataCenter: 'datacenter1',
    socketOptions: { readTimeout: 60_000 },
    ...options,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.shutdown();
  }
}

import { randomBytes } from 'node:crypto';
import { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { cassandraOfRun } from '../testing/index.ts';

const node = cassandraOfRun();

test.skipIf(node === null)('the Cassandra of the run keeps rows', async () => {
  const client = new Client({ contactPoints: [node ?? ''], localDataCenter: 'datacenter1' });
  const keyspace = `infra_${randomBytes(6).toString('hex')}`;
  await client.connect();
  try {
    await client.execute(
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}`,
    );
    await client.execute(`CREATE TABLE ${keyspace}.kept (id int PRIMARY KEY, value text)`);
    await client.execute(`INSERT INTO ${keyspace}.kept (id, value) VALUES (1, 'one')`);
    expect((await client.execute(`SELECT value FROM ${keyspace}.kept WHERE id = 1`)).first()?.get('value')).toBe('one');
  } finally {
    await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
    await client.shutdown();
  }
});

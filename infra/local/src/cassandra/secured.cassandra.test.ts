import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auth, Client } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../certificates.ts';
import { identify, isAlive } from '../process-identity.ts';
import { cassandraOfRun } from '../testing/index.ts';
import { type CassandraCluster, startCassandra } from './start.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-secured-cassandra-'));

let certificates: Certificates;
let cluster: CassandraCluster;

async function withClient<T>(
  { password, ca = certificates.certificate }: { password: string; ca?: string },
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    contactPoints: [...cluster.contactPoints],
    localDataCenter: 'datacenter1',
    authProvider: new auth.PlainTextAuthProvider('cassandra', password),
    sslOptions: { ca: [ca], rejectUnauthorized: true },
  });
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.shutdown();
  }
}

const PASSWORD = 'cassandra';

describe.skipIf(cassandraOfRun() === null)('a Cassandra of a test’s own', () => {
  beforeAll(async () => {
    certificates = makeCertificates(join(folder, 'certificates'));
    cluster = await startCassandra({
      folder: join(folder, 'cassandra'),
      temporary: true,
      heapMb: 640,
      settings: {
        authenticator: 'PasswordAuthenticator',
        authorizer: 'CassandraAuthorizer',
        client_encryption_options: {
          enabled: true,
          keystore: certificates.keyStore,
          keystore_password: certificates.password,
        },
      },
    });
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  test('lets in who knows the password over TLS, at once, and nobody else', async () => {
    await withClient({ password: PASSWORD }, async (client) => {
      await client.execute(
        "CREATE KEYSPACE kept WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
      );
      await client.execute('CREATE TABLE kept.numbers (number int PRIMARY KEY)');
    });
    await expect(withClient({ password: 'wrong' }, async () => {})).rejects.toThrow();
    const other = makeCertificates(join(folder, 'other')).certificate;
    await expect(withClient({ password: PASSWORD, ca: other }, async () => {})).rejects.toThrow();
  });

  test('keeps every write that it acknowledged when it is killed right after', async () => {
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    await withClient({ password: PASSWORD }, (client) =>
      Promise.all(numbers.map((number) => client.execute(`INSERT INTO kept.numbers (number) VALUES (${number})`))),
    );
    const { pids } = cluster;
    await cluster.kill(1);
    expect(cluster.pids).toEqual([]);
    await cluster.start(1);
    expect(cluster.pids).not.toEqual(pids);
    await withClient({ password: PASSWORD }, async (client) => {
      expect(
        (await client.execute('SELECT count(*) AS count FROM kept.numbers')).first()?.get('count').toNumber(),
      ).toBe(200);
    });
  });

  test('leaves no process and no folder when it is stopped', async () => {
    const running = cluster.pids.flatMap((pid) => identify(pid) ?? []);
    expect(running).toHaveLength(1);
    await cluster.stop();
    expect(running.filter(isAlive)).toEqual([]);
    expect(existsSync(cluster.folder)).toBe(false);
  });
});

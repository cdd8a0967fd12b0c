import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CassandraCluster, makeCertificates, startCassandra } from '@tidemark/infra-local';
import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { auth } from 'cassandra-driver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS, freshId, sampleDelta, samplePointer, sampleState } from '../testing/samples.ts';
import { collect } from '../testing/suite.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { withClient } from './testing/fresh-keyspace.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-views-secured-'));
const ca = join(folder, 'ca.pem');
const MAKER = 'maker:m%40ker%2Fs:';
const APP = 'app:app%3Asecret';

let node: CassandraCluster;
let certificate: string;

const urlOf = (user: string, parameters = `&tls=true&ca=${ca}`): string =>
  `cassandra://${user}@${node.contactPoints.join()}?dc=datacenter1&keyspace=secured&rf=1${parameters}`;

const asAdmin = (...statements: readonly string[]) =>
  withClient(
    node.contactPoints[0] ?? '',
    async (client) => {
      for (const cql of statements) await client.execute(cql);
    },
    { authProvider: new auth.PlainTextAuthProvider('cassandra', 'cassandra'), sslOptions: { ca: [certificate] } },
  );

describe.skipIf(cassandraOfRun() === null)('with a node that asks who is there, over TLS', () => {
  const id = freshId();

  beforeAll(async () => {
    const made = makeCertificates(join(folder, 'certificates'));
    certificate = made.certificate;
    writeFileSync(ca, certificate);
    node = await startCassandra({
      folder: join(folder, 'node'),
      temporary: true,
      heapMb: 512,
      settings: {
        authenticator: 'PasswordAuthenticator',
        authorizer: 'CassandraAuthorizer',
        client_encryption_options: { enabled: true, keystore: made.keyStore, keystore_password: made.password },
      },
    });
    // As docs/cassandra.md has it.
    await asAdmin(
      `CREATE KEYSPACE secured WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}`,
      `CREATE ROLE maker WITH PASSWORD = 'm@ker/s:' AND LOGIN = true`,
      'GRANT CREATE ON KEYSPACE secured TO maker',
      'GRANT DROP ON KEYSPACE secured TO maker',
      'GRANT SELECT ON KEYSPACE secured TO maker',
      'GRANT MODIFY ON KEYSPACE secured TO maker',
      `CREATE ROLE app WITH PASSWORD = 'app:secret' AND LOGIN = true`,
      'GRANT SELECT ON KEYSPACE secured TO app',
      'GRANT MODIFY ON KEYSPACE secured TO app',
      `CREATE ROLE stranger WITH PASSWORD = 'stranger' AND LOGIN = true`,
    );
    const store = await openCassandraViews(urlOf(MAKER));
    await store.open({ id, columns: COLUMNS });
    await store.close();
  }, 300_000);
  afterAll(async () => {
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a role that may only select and modify does all that the apps do', async () => {
    const store = await openCassandraViews(urlOf(APP));
    const views = await store.open({ id, columns: COLUMNS });
    const row = sampleDelta('ann', 1, 0, 5n, 2);
    const slice = { generation: 1, cutPartitions: new Set([0]) };
    await views.writeTouched([row]);
    await views.writeDeltas([row]);
    await views.writePosition(0, { offset: 5n, epoch: 1, previousEpoch: 0, fingerprint: 'f', logId: 'log' });
    await views.writeBatch([{ customerId: 'ann', generation: 1, state: sampleState(1) }]);
    await views.writeCandidates(1, 'clv', [{ customerId: 'ann', score: 7n }]);
    await views.writeDeadLetters([{ partition: 0, offset: 3n, code: 'X', reason: 'r', bytes: new Uint8Array([1]) }]);
    expect(await views.compareAndSetPointer(null, samplePointer(1))).toBe(true);
    expect(await store.compareAndSetServing(null, { serving: id, previous: null, untilMs: null })).toBe(true);
    expect((await store.serving())?.serving).toBe(id);
    expect((await views.pointer())?.generation).toBe(1);
    expect(await views.loadDeltas([row])).toEqual([row]);
    const scanned = await views.scan({ generation: 1, excluded: [] }, slice, { after: null, limit: 10 });
    expect(scanned.rows).toMatchObject([{ customerId: 'ann', batch: { generation: 1 }, deltas: [row] }]);
    expect(await collect(views.touched(slice))).toEqual(['ann']);
    expect((await views.positions()).get(0)?.offset).toBe(5n);
    expect(await views.candidates(1, 'clv', 1)).toEqual([{ customerId: 'ann', score: 7n }]);
    expect(await views.countDeadLetters()).toEqual(new Map([['X', 1n]]));
    await views.deleteDeltas(await views.touchedBelow(0, 2, 10), 9n);
    await views.deleteBatch([{ customerId: 'ann', generation: 1 }]);
    await views.deleteCandidates(1);
    expect(await views.loadDeltas([row])).toEqual([]);

    const denied = { code: 'TIDEMARK_VIEWS_DENIED', retryable: false };
    await expect(store.open({ id: freshId(), columns: COLUMNS })).rejects.toMatchObject(denied);
    await expect(store.drop(id)).rejects.toMatchObject(denied);
    const again = await store.open({ id, columns: COLUMNS });
    expect((await again.pointer())?.generation).toBe(1);
    await store.close();
  });

  test.each([
    ['a wrong password', 'app:wrong-s3cret', 'TIDEMARK_VIEWS_DENIED', undefined],
    ['nobody we know', 'nobody:wrong-s3cret', 'TIDEMARK_VIEWS_DENIED', undefined],
    ['a role without rights', 'stranger:stranger', 'TIDEMARK_VIEWS_DENIED', undefined],
    ['a node whose certificate nobody vouches for', APP, 'TIDEMARK_VIEWS_UNAVAILABLE', '&tls=true'],
    ['a client without TLS', APP, 'TIDEMARK_VIEWS_UNAVAILABLE', ''],
  ])('%s is told from an outage where it can be, and never with the password', async (_, user, code, parameters) => {
    const opened = openCassandraViews(urlOf(user, parameters)).then(async (store) => {
      try {
        return await store.serving();
      } finally {
        await store.close();
      }
    });
    await expect(opened).rejects.toMatchObject({ code });
    await expect(opened).rejects.not.toThrow(/s3cret|app:secret/);
  });
});

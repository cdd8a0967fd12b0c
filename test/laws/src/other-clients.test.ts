import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { freshDatabase } from '@tidemark/embedded-postgres/testing';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { cassandraOfRun, kafkaOfRun } from '@tidemark/infra-local/testing';
import { testTopic } from '@tidemark/log/kafka/testing';
import { openLog } from '@tidemark/log/open';
import { mergeView } from '@tidemark/metrics';
import { Random } from '@tidemark/simulator';
import { pinned } from '@tidemark/views';
import { freshKeyspace } from '@tidemark/views/cassandra/testing';
import { describe, expect, it } from 'vitest';
import { installPythonTools, whyNoPython } from './python-tools.ts';
import { DEFINITION, scratch, World } from './world.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const NAMES = Array.from({ length: 12 }, (_, n) => `customer-${n}`);

function missing(): string | null {
  if (kafka === null || cassandra === null) return 'Kafka or Cassandra can not be started';
  if (spawnSync('kcat', ['-V']).error !== undefined) {
    if (process.env.CI) throw new Error('kcat is missing: apt-get install kcat');
    return 'kcat is missing: apt-get install kcat';
  }
  return whyNoPython();
}

const why = missing();
if (why !== null) console.warn(`SKIPPED: other people's clients. ${why}`);

const order = (name: string, id: string, amount: string) => ({
  event_id: `${name} ${id}`,
  event_type: 'order_placed',
  customer_id: name,
  occurred_at: '2026-04-20T10:00:00Z',
  order_id: id,
  total_amount: amount,
});

/** One order of each customer, sent as librdkafka does: its own partitioner, a codec of its own. */
async function kcatSends(topic: string, codec: string, id: string): Promise<void> {
  const args = ['-P', '-b', kafka ?? '', '-t', topic, '-z', codec, '-K', '\t'];
  const kcat = spawn('kcat', args, { stdio: ['pipe', 'inherit', 'inherit'] });
  kcat.stdin.end(NAMES.map((name) => `${name}\t${JSON.stringify(order(name, id, '10.00'))}\n`).join(''));
  const [code] = await once(kcat, 'close');
  expect(code).toBe(0);
}

/** Reads what serves a customer with the Python driver, by plain CQL: pointer, batch row, deltas. */
const PYTHON = `
import json, sys
from cassandra.cluster import Cluster
host, port, keyspace, definition, customer = sys.argv[1:]
cluster = Cluster([host], port=int(port))
session = cluster.connect(keyspace)
pointer = session.execute('SELECT generation, "floor", cut, imports, publishing FROM live_pointer WHERE definition = %s', [definition]).one()
batch = session.execute('SELECT generation, order_count, total_revenue FROM batch_' + definition + ' WHERE customer_id = %s AND generation <= %s LIMIT 1', [customer, pointer.generation]).one()
deltas = session.execute('SELECT epoch, "partition", last_offset, order_count, total_revenue FROM delta_' + definition + ' WHERE customer_id = %s AND epoch >= %s', [customer, pointer.generation])
print(json.dumps({
  'generation': pointer.generation, 'cut': {str(k): str(v) for k, v in pointer.cut.items()}, 'publishing': pointer.publishing,
  'batch': [batch.generation, int(batch.order_count), int(batch.total_revenue)],
  'deltas': [[row.partition, int(row.order_count), int(row.total_revenue)] for row in deltas],
}))
cluster.shutdown()
`;

describe.skipIf(why !== null)("other people's clients", () => {
  it("kcat's events arrive whatever its codec, a customer in two partitions adds up, and cqlsh and Python read the views", async () => {
    const topic = testTopic(kafka ?? '');
    const keyspace = freshKeyspace(cassandra ?? '');
    const catalog = await freshDatabase();
    const folder = await mkdtemp(join(scratch, 'tidemark-clients-'));
    const limits = { memoryLimit: '512MB', threads: 1, tempFolder: join(folder, 'spill') };
    const session = await openSession(limits);
    const engine = openDuckDbEngine(limits);
    const urls = { logUrl: topic.url(), viewsUrl: keyspace.url, catalogUrl: catalog.url };
    await (await openLog(urls.logUrl, { partitions: 4 })).close();
    const world = await World.open(Random.fromSeed(1), urls, engine, session);
    const tools = await installPythonTools();
    try {
      for (const codec of CODECS) await kcatSends(topic.name, codec, `kcat-${codec}`);
      for (const name of NAMES) await world.send(name, order(name, 'own', '5.00'));
      await world.workers.settle();

      const read = async () => {
        const { lineage, slice } = pinned(await world.views.pointer());
        return world.views.read(NAMES, lineage, slice);
      };
      const revenues = async () =>
        (await read()).map(({ batch, deltas }) => {
          const states = [...(batch?.state ? [batch.state] : []), ...deltas.map(({ state }) => state)];
          return mergeView(DEFINITION, states, world.clock.now()).metrics.total_revenue;
        });
      expect(new Set(await revenues())).toEqual(new Set(['55.00']));
      const spread = (await read()).filter(({ deltas }) => new Set(deltas.map(({ partition }) => partition)).size > 1);
      expect(spread.length).toBeGreaterThan(0);

      await world.settle();
      await kcatSends(topic.name, 'zstd', 'after');
      await world.workers.settle();
      expect(new Set(await revenues())).toEqual(new Set(['65.00']));

      const [host = '', port = ''] = (cassandra ?? '').split(':');
      const name = spread[0]?.customerId ?? '';
      const seen = JSON.parse(await tools.python(PYTHON, host, port, keyspace.name, DEFINITION.id, name));
      const pointer = await world.views.pointer();
      expect(seen).toMatchObject({
        generation: pointer?.generation,
        publishing: 'on',
        batch: [expect.any(Number), 6, 5500],
        deltas: [[expect.any(Number), 1, 1000]],
      });
      expect(Object.keys(seen.cut)).toHaveLength(4);

      const table = (kind: string) => `${keyspace.name}.${kind}_${DEFINITION.id}`;
      const where = `WHERE customer_id = '${name}'`;
      const batch = await tools.cqlsh(
        cassandra ?? '',
        `SELECT order_count, total_revenue, first_order_date FROM ${table('batch')} ${where}`,
      );
      expect(batch).toMatch(/6 \| +5500 \| +2026-04-20 10:00:00/);
      const deltas = await tools.cqlsh(
        cassandra ?? '',
        `SELECT order_count, total_revenue FROM ${table('delta')} ${where}`,
      );
      expect(deltas).toMatch(/1 \| +1000/);
      const live = await tools.cqlsh(
        cassandra ?? '',
        `SELECT generation, publishing FROM ${keyspace.name}.live_pointer`,
      );
      expect(live).toMatch(/\d+ \| +on/);
    } finally {
      await tools.remove();
      await world.close();
      await engine.close();
      session.close();
      await Promise.all([topic.drop(), keyspace.drop(), catalog.drop(), rm(folder, { recursive: true })]);
    }
  });
});

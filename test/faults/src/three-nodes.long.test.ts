import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CassandraCluster, type KafkaCluster, startCassandra, startKafka } from '@tidemark/infra-local';
import { eventually } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeployedSystem, onKafkaAndCassandra } from './system/deployed-system.ts';
import type { SteadyReader } from './system/reader.ts';
import { underLoad } from './system/under-load.ts';

const PATIENT_MS = 300_000;
/** How long an append may take while a broker is lost, its client's tries together. */
const WRITE_MS = 30_000;

describe('three brokers and three nodes, of which one is lost', () => {
  let kafka: KafkaCluster;
  let cassandra: CassandraCluster;
  let system: DeployedSystem;
  beforeAll(async () => {
    const folder = (name: string) => mkdtempSync(join(tmpdir(), `tidemark-faults-${name}-`));
    const settings = { 'broker.session.timeout.ms': '4000' };
    kafka = await startKafka({
      folder: folder('kafka'),
      brokers: 3,
      temporary: true,
      settings,
      startTimeoutMs: PATIENT_MS,
    });
    cassandra = await startCassandra({
      folder: folder('cassandra'),
      nodes: 3,
      temporary: true,
      commitlogSync: 'batch',
      startTimeoutMs: PATIENT_MS,
    });
    const stores = await onKafkaAndCassandra(kafka.addresses.join(','), cassandra.addresses.join(','), 3);
    system = await DeployedSystem.start({ stores });
  });
  afterAll(async () => {
    await system?.end();
    await Promise.all([kafka?.stop(), cassandra?.stop()]);
  });

  const answers = async (reader: SteadyReader, more: number): Promise<void> => {
    const enough = reader.answers + more;
    await eventually(`${more} more answers`, PATIENT_MS, () => (reader.answers >= enough ? true : null));
  };

  // Each in turn: one of them leads the partitions, one the group, one the controllers.
  test.each([1, 2, 3])('broker %i: no read and no write fails, and it comes back', (number) =>
    underLoad(system, async (writer, reader) => {
      await writer.acknowledges(300);
      await kafka.kill(number);
      await writer.acknowledges(300);
      await answers(reader, 100);
      await kafka.start(number);
      await writer.acknowledges(300);
      expect(writer.longestMs).toBeLessThan(WRITE_MS);
    }),
  );

  test.each([1, 2, 3])('node %i: no read and no write fails, and it comes back', (number) =>
    underLoad(system, async (writer, reader) => {
      await writer.acknowledges(300);
      await cassandra.kill(number);
      await answers(reader, 200);
      // A whole batch run without it, too.
      await system.publish();
      await writer.acknowledges(300);
      await cassandra.start(number);
      await answers(reader, 100);
    }),
  );

  test('all of it ends in order, and no process is left', () => system.stop());
});

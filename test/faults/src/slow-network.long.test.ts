import { cassandraOfRun, eventually, kafkaOfRun } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IngestProducer } from './system/ingest-producer.ts';
import { ProxiedSystem } from './system/proxied-system.ts';
import { underLoad } from './system/under-load.ts';
import { noWrongClocks, wrongClock } from './system/wrong-clock.ts';

const cassandraAddress = cassandraOfRun();

const PATIENT_MS = 120_000;
const SLOW_MS = 300;

describe.skipIf(kafkaOfRun() === null || cassandraAddress === null)('a slow network and wrong clocks', () => {
  let proxied: ProxiedSystem;
  beforeAll(async () => {
    proxied = await ProxiedSystem.start(cassandraAddress ?? '');
  });
  afterAll(() => proxied?.end());

  test('a slow way costs time alone, and a server that takes no connection is waited for', () =>
    underLoad(
      proxied.system,
      async (writer, reader) => {
        const { kafka, cassandra, system } = proxied;
        for (const proxy of [kafka, cassandra]) proxy.delay(SLOW_MS);
        await writer.acknowledges(100);
        await proxied.answers(reader, 3);
        for (const proxy of [kafka, cassandra]) proxy.delay(0);
        expect(reader.slowestMs).toBeGreaterThan(2 * SLOW_MS);
        expect(reader.failures).toEqual([]);

        await kafka.shut();
        await proxied.answers(reader);
        await kafka.open();
        await writer.acknowledges(100);
        await cassandra.shut();
        await eventually('reads are refused', PATIENT_MS, () => (reader.failures.length > 3 ? true : null));
        await cassandra.open();
        await proxied.answers(reader);
        await writer.acknowledges(100);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test.skipIf(noWrongClocks)('producers whose clocks are wrong by more than an hour change no time and no count', () =>
    underLoad(proxied.system, async (writer) => {
      const { system } = proxied;
      await writer.acknowledges(50);
      const log = await openLog(system.logUrl);
      const producers = ['+90m', '-90m'].map(
        (by, nth) => new IngestProducer({ ...system.environment, ...wrongClock(by) }, `wrong-clock-${nth}`),
      );
      try {
        const [before, beganMs] = [await log.bounds(), Date.now()];
        await Promise.all(producers.map((producer) => producer.acknowledges(50)));
        const read = [...before].map(([partition, { end }]) =>
          log.read(partition, end, { maxRecords: 1_000, waitMs: 0 }),
        );
        const times = (await Promise.all(read)).flatMap(({ records }) => records.map(({ timestampMs }) => timestampMs));
        expect(times.length).toBeGreaterThan(0);
        expect(times.filter((ms) => ms < beganMs - 1_000 || ms > Date.now() + 1_000)).toEqual([]);
        await system.publish();
        await Promise.all(producers.map((producer) => producer.acknowledges(50)));
        for (const producer of producers) {
          await producer.stop();
          system.remember(producer);
        }
      } finally {
        for (const producer of producers) producer.kill();
        await log.close();
      }
    }),
  );

  test('all of it ends in order, and no process is left', () => proxied.system.stop());
});

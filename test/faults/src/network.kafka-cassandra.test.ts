import type { KafkaCluster } from '@tidemark/infra-local';
import { cassandraOfRun, eventually, kafkaOfRun } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeployedSystem } from './system/deployed-system.ts';
import { IngestProducer } from './system/ingest-producer.ts';
import { startProxiedKafka, throughProxies } from './system/proxied-servers.ts';
import type { SteadyReader } from './system/reader.ts';
import { isAppendOf, isBatchOfRows, isBoundTo, isHeartbeat, isPointerChange } from './system/requests.ts';
import { TcpProxy } from './system/tcp-proxy.ts';
import { say, underLoad } from './system/under-load.ts';
import { noWrongClocks, wrongClock } from './system/wrong-clock.ts';

const cassandraAddress = cassandraOfRun();

const PATIENT_MS = 120_000;
const BREAKS = 4;
/** What has come through says that clients found their way back. */
const ENOUGH_BYTES = 20_000;
const LOSSES = 2;
const SLOW_MS = 300;

/** Every app, and the writer, reaches Kafka and Cassandra by a proxy alone. */
describe.skipIf(kafkaOfRun() === null || cassandraAddress === null)('a bad network and wrong clocks', () => {
  let kafka: TcpProxy;
  let cassandra: TcpProxy;
  let server: KafkaCluster;
  let system: DeployedSystem;
  beforeAll(async () => {
    [kafka, cassandra] = await Promise.all([TcpProxy.start(), TcpProxy.start()]);
    server = await startProxiedKafka(kafka);
    cassandra.leadTo(cassandraAddress ?? '');
    system = await DeployedSystem.start({ stores: await throughProxies(kafka, cassandra) });
  });
  afterAll(async () => {
    await system?.end();
    await Promise.all([kafka?.close(), cassandra?.close(), server?.stop()]);
  });

  const answers = (reader: SteadyReader, more = 30) => {
    const enough = reader.answers + more;
    return eventually(`${more} more answers`, PATIENT_MS, () => (reader.answers >= enough ? true : null)).catch(
      (error: Error) => {
        const tails = system.servingLayers.map((app) => app.tail()).join('\n');
        throw new Error(`${error.message}\n${JSON.stringify(reader.failures.slice(-3))}\n${tails}`);
      },
    );
  };

  /** Each time as soon as the clients are back. Answers how many connections that were each time. */
  async function breakOverAndOver(proxy: TcpProxy): Promise<readonly number[]> {
    const broken: number[] = [];
    for (let n = 0; n < BREAKS; n++) {
      const enough = proxy.passedBytes + ENOUGH_BYTES;
      await eventually('clients are back', PATIENT_MS, () => (proxy.passedBytes > enough ? true : null));
      broken.push(proxy.reset());
    }
    return broken;
  }

  test('connections that break over and over lose nothing', () =>
    underLoad(
      system,
      async (writer, reader) => {
        await writer.acknowledges(100);
        const [toKafka, toCassandra] = await Promise.all([breakOverAndOver(kafka), breakOverAndOver(cassandra)]);
        say(`connections broken to Kafka: ${toKafka}; to Cassandra: ${toCassandra}`);
        // The driver is not to come back with more each time.
        const [first = 0, ...more] = toCassandra;
        expect(Math.max(...more)).toBeLessThan(2 * first);
        await writer.acknowledges(200);
        await answers(reader);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test('answers that are lost are not guessed: what was done stays done, once', () =>
    underLoad(
      system,
      async (writer, reader) => {
        await writer.acknowledges(100);
        const log = await openLog(system.logUrl);
        const position = isBoundTo(await log.identity().finally(() => log.close()));
        for (let n = 0; n < LOSSES; n++) {
          await Promise.all([
            kafka.loseAnswerTo(isAppendOf('event_id')),
            kafka.loseAnswerTo(isHeartbeat),
            cassandra.loseAnswerTo(isBatchOfRows),
            cassandra.loseAnswerTo(position),
          ]);
        }
        await answers(reader);
        await Promise.all([
          system.publish(),
          kafka.loseAnswerTo(isAppendOf('tidemark-barrier')),
          cassandra.loseAnswerTo(isPointerChange),
        ]);
        await writer.acknowledges(100);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test('a slow way costs time alone, and a server that takes no connection is waited for', () =>
    underLoad(
      system,
      async (writer, reader) => {
        for (const proxy of [kafka, cassandra]) proxy.delay(SLOW_MS);
        await writer.acknowledges(100);
        await answers(reader, 3);
        for (const proxy of [kafka, cassandra]) proxy.delay(0);
        expect(reader.slowestMs).toBeGreaterThan(2 * SLOW_MS);
        expect(reader.failures).toEqual([]);

        await kafka.shut();
        await answers(reader);
        await kafka.open();
        await writer.acknowledges(100);
        await cassandra.shut();
        await eventually('reads are refused', PATIENT_MS, () => (reader.failures.length > 3 ? true : null));
        await cassandra.open();
        await answers(reader);
        await writer.acknowledges(100);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test.skipIf(noWrongClocks)('producers whose clocks are wrong by more than an hour change no time and no count', () =>
    underLoad(system, async (writer) => {
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

  test('all of it ends in order, and no process is left', () => system.stop());
});

import { cassandraOfRun, eventually, kafkaOfRun } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProxiedSystem } from './system/proxied-system.ts';
import { appendOf, boundTo, HEARTBEAT_REQUEST, POINTER_CHANGE, ROWS } from './system/requests.ts';
import type { TcpProxy } from './system/tcp-proxy.ts';
import { say, underLoad } from './system/under-load.ts';

const cassandraAddress = cassandraOfRun();

const PATIENT_MS = 120_000;
const BREAKS = 4;
/** What has come through says that clients found their way back. */
const ENOUGH_BYTES = 20_000;
const LOSSES = 2;

describe.skipIf(kafkaOfRun() === null || cassandraAddress === null)('a bad network', () => {
  let proxied: ProxiedSystem;
  beforeAll(async () => {
    proxied = await ProxiedSystem.start(cassandraAddress ?? '');
  });
  afterAll(() => proxied?.end());

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
      proxied.system,
      async (writer, reader) => {
        const { kafka, cassandra, system } = proxied;
        await writer.acknowledges(100);
        const [toKafka, toCassandra] = await Promise.all([breakOverAndOver(kafka), breakOverAndOver(cassandra)]);
        say(`connections broken to Kafka: ${toKafka}; to Cassandra: ${toCassandra}`);
        // The driver is not to come back with more each time.
        const [first = 0, ...more] = toCassandra;
        expect(Math.max(...more)).toBeLessThan(2 * first);
        await writer.acknowledges(200);
        await proxied.answers(reader);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test('answers that are lost are not guessed: what was done stays done, once', () =>
    underLoad(
      proxied.system,
      async (writer, reader) => {
        const { kafka, cassandra, system } = proxied;
        await writer.acknowledges(100);
        const log = await openLog(system.logUrl);
        const position = boundTo(await log.identity().finally(() => log.close()));
        for (let n = 0; n < LOSSES; n++) {
          await Promise.all([
            kafka.loseAnswerTo(appendOf('event_id')),
            kafka.loseAnswerTo(HEARTBEAT_REQUEST),
            cassandra.loseAnswerTo(ROWS),
            cassandra.loseAnswerTo(position),
          ]);
        }
        await proxied.answers(reader);
        await Promise.all([
          system.publish(),
          kafka.loseAnswerTo(appendOf('tidemark-barrier')),
          cassandra.loseAnswerTo(POINTER_CHANGE),
        ]);
        await writer.acknowledges(100);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test('all of it ends in order, and no process is left', () => proxied.system.stop());
});

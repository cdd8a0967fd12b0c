import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../port.ts';
import { numbered, readAll, text } from '../testing/records.ts';
import { dial } from './client.ts';
import { openKafkaLog } from './log.ts';
import { type DeafProxy, deafProxy } from './testing/deaf-proxy.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';
import { until } from './testing/until.ts';

let topic: TestTopic;
let proxy: DeafProxy;
let watcher: EventLog;
let log: EventLog;

const ends = async () => (await watcher.bounds()).get(0)?.end;
const inPartition = (prefix: string, count: number) =>
  numbered(prefix, count).map((each) => ({ ...each, partition: 0 }));
const offsets = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ partition: 0, offset: BigInt(from + n) }));

async function open(deliverWithinMs: number): Promise<void> {
  log = await openKafkaLog(topic.url(), {
    deliverWithinMs,
    socketFactory: (wanted) => dial({ ...wanted, port: proxy.port }),
  });
}

describe.skipIf(kafkaOfRun() === null)('when the acknowledgement of an append is lost', () => {
  beforeEach(async () => {
    const address = kafkaOfRun() ?? '';
    topic = testTopic(address);
    proxy = await deafProxy(Number(address.split(':')[1]));
    watcher = await openKafkaLog(topic.url());
  });
  afterEach(async () => {
    await proxy.close();
    await Promise.all([log.close(), watcher.close()]);
    await topic.drop();
  });

  test('it is sent again, is there once, and is answered where it was written first', async () => {
    await open(30_000);
    await log.append(inPartition('first', 10));
    proxy.deafen();
    const appending = log.append(inPartition('lost', 10));
    await until(async () => expect(await ends()).toBe(20n));
    proxy.heal();
    expect(await appending).toEqual(offsets(10, 10));
    expect(await log.append(inPartition('next', 10))).toEqual(offsets(20, 10));
    expect(await readAll(watcher, 0)).toHaveLength(30);
  });

  test('for good, the append fails as one that may be written, and what is appended next is written too', async () => {
    await open(1_000);
    await log.append(inPartition('first', 10));
    proxy.deafen();
    const appending = log.append(inPartition('lost', 10));
    const failed = expect(appending).rejects.toMatchObject({ code: 'TIDEMARK_LOG_UNAVAILABLE', retryable: true });
    await until(async () => expect(await ends()).toBe(20n));
    await failed;
    proxy.heal();
    // Of the same length: under the lost one's number the broker would take it for that.
    expect(await log.append(inPartition('next', 10))).toEqual(offsets(20, 10));
    expect((await readAll(watcher, 0)).map(text).slice(20)).toEqual(inPartition('next', 10).map((_, n) => `next ${n}`));
  });

  test('appends that come meanwhile wait behind it, and keep their order', async () => {
    await open(30_000);
    await log.append(inPartition('first', 5));
    proxy.deafen();
    const appending = [log.append(inPartition('append 0', 5))];
    await until(async () => expect(await ends()).toBe(10n));
    // Each as long as the one on its way: sent beside it under its number, it would be taken for that, and be lost.
    for (let n = 1; n < 20; n += 1) {
      appending.push(log.append(inPartition(`append ${n}`, 5)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    proxy.heal();
    expect((await Promise.all(appending)).flat()).toEqual(offsets(5, 100));
    expect((await readAll(watcher, 0)).map(text).slice(5)).toEqual(
      Array.from({ length: 100 }, (_, n) => `append ${Math.floor(n / 5)} ${n % 5}`),
    );
  });

  test('an append that came later, of the same length, is not taken for it', async () => {
    await open(30_000);
    await log.append(inPartition('first', 5));
    proxy.deafen();
    const lost = log.append(inPartition('lost', 5));
    await until(async () => expect(await ends()).toBe(10n));
    const later = log.append(inPartition('later', 5));
    // Nothing of it is on its way while the outcome of the one before is unknown.
    await expect(until(async () => expect(await ends()).toBeGreaterThan(10n), 500)).rejects.toThrow();
    proxy.heal();
    expect([await lost, await later]).toEqual([offsets(5, 5), offsets(10, 5)]);
    expect((await readAll(watcher, 0)).map(text).slice(10)).toEqual(
      inPartition('later', 5).map((_, n) => `later ${n}`),
    );
  });
});

import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { numbered } from '../testing/records.ts';
import { dial } from './client.ts';
import { openKafkaLog } from './log.ts';
import { type DeafProxy, deafProxy } from './testing/deaf-proxy.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';
import { until } from './testing/until.ts';

let topic: TestTopic;
let proxy: DeafProxy;
let log: EventLog;
/** Connections that were ever opened. */
let dialled = 0;

describe.skipIf(kafkaOfRun() === null)('a connection that breaks within an answer', () => {
  beforeEach(async () => {
    const address = kafkaOfRun() ?? '';
    topic = testTopic(address);
    proxy = await deafProxy(Number(address.split(':')[1]));
    dialled = 0;
    log = await openKafkaLog(topic.url(), {
      socketFactory: (wanted) => {
        dialled += 1;
        return dial({ ...wanted, port: proxy.port });
      },
    });
    await log.append(numbered('before', 40).map((each) => ({ ...each, partition: 0 })));
  });
  afterEach(async () => {
    await log.close();
    await proxy.close();
    await topic.drop();
  });

  // Within the size, right behind it, and within what it announces.
  test.each([1, 3, 4, 5, 50])('after %i bytes is followed by one that is understood', async (bytes) => {
    const read = () => log.read(0, 0n, { maxRecords: 10, waitMs: 0 });
    await read();
    for (let n = 0; n < 3; n++) {
      proxy.tear(bytes);
      expect((await read()).records).toHaveLength(10);
      proxy.tear(bytes);
      expect((await log.bounds()).get(0)).toEqual({ start: 0n, end: 40n });
      proxy.tear(bytes);
      expect(await log.partitions()).toHaveLength(4);
    }
  });

  test('is followed by one, not by one for each partition that is read', async () => {
    const readAll = () =>
      Promise.all([0, 1, 2, 3].map((partition) => log.read(partition, 0n, { maxRecords: 10, waitMs: 0 })));
    const before = dialled;
    await readAll();
    expect(dialled).toBe(before + 1);
    proxy.tear(5);
    await readAll();
    // And one for questions about the topic, if that was the one.
    expect(dialled).toBeLessThanOrEqual(before + 3);
  });

  test('leaves members of groups and writers where they were', async () => {
    const group = new RecordedGroup();
    const member = await log.consume('group', group.handler('a'));
    await until(() => expect(group.records).toHaveLength(40));
    for (let n = 1; n <= 20; n++) {
      proxy.tear(n);
      await log.append(numbered(`torn ${n}`, 5));
    }
    await until(() => expect(group.records).toHaveLength(140));
    expect(new Set(group.values()).size).toBe(140);
    expect(member.held()).toHaveLength(4);
  });
});

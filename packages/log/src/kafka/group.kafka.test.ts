import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Append, EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { bytes } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';
import { until } from './testing/until.ts';

let topic: TestTopic;
let logs: EventLog[] = [];

const open = async (): Promise<EventLog> => {
  const log = await openKafkaLog(topic.url(), { partitions: 4 });
  logs.push(log);
  return log;
};

describe.skipIf(kafkaOfRun() === null)('the members of a group', () => {
  beforeEach(() => {
    topic = testTopic(kafkaOfRun() ?? '');
  });
  afterEach(async () => {
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await topic.drop();
  });

  test('take the partitions of a topic that grows under load from their start, without a start of their own', async () => {
    const [grower, writer, one, two] = [await open(), await open(), await open(), await open()];
    const group = new RecordedGroup();
    const members = [
      await one.consume('group', group.handler('one')),
      await two.consume('group', group.handler('two')),
    ];
    // At rest, so that nothing else makes them join again.
    await until(() => expect(members.map((member) => member.held().length)).toEqual([2, 2]));
    let sent = 0;
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        const records: Append[] = Array.from({ length: 40 }, () => {
          sent += 1;
          return { key: bytes(`customer ${sent % 97}`), value: bytes(`${sent}`) };
        });
        await writer.append(records);
      }
    })();
    await until(() => expect(group.records.length).toBeGreaterThan(1_000));
    await grower.grow(8);
    await until(() => expect(new Set(group.records.map(({ partition }) => partition)).size).toBe(8));
    isOver = true;
    await writing;
    await until(() => expect(group.records).toHaveLength(sent));
    expect(new Set(group.values()).size).toBe(sent);
    expect(members.flatMap((member) => member.held()).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(members.map((member) => member.held().length)).toEqual([4, 4]);
    expect(group.overlaps).toEqual([]);
  });

  test('are those of one topic: another of the same Kafka has its own', async () => {
    const other = testTopic(kafkaOfRun() ?? '');
    const here = await open();
    const there = await openKafkaLog(other.url(), { partitions: 2 });
    logs.push(there);
    const members = [
      await here.consume('same', new RecordedGroup().handler('here')),
      await there.consume('same', new RecordedGroup().handler('there')),
    ];
    await until(() =>
      expect(members.map((member) => member.held())).toEqual([
        [0, 1, 2, 3],
        [0, 1],
      ]),
    );
    await there.close();
    await other.drop();
  });

  test('go on with what they keep while others join and leave', async () => {
    const logsOf = [await open(), await open(), await open()];
    const [writer = await open()] = logsOf;
    const group = new RecordedGroup();
    const first = await writer.consume('group', group.handler('first'));
    await until(() => expect(first.held()).toHaveLength(4));
    for (const [n, log] of logsOf.slice(1).entries()) {
      const guest = await log.consume('group', group.handler(`guest ${n}`));
      await until(() => expect(guest.held()).toHaveLength(2));
      await guest.stop();
      await until(() => expect(first.held()).toHaveLength(4));
    }
    // Two of the four never left the first member.
    const revoked = new Set(group.revocations.filter((each) => each.startsWith('first/')));
    expect(revoked.size).toBeLessThanOrEqual(2);
    expect(group.overlaps).toEqual([]);
  });
});

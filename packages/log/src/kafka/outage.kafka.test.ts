import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KafkaCluster, startKafka } from '@tidemark/infra-local';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Appended, EventLog } from '../port.ts';
import { RecordedGroup } from '../testing/recorded-group.ts';
import { numbered, readAll, text } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { until } from './testing/until.ts';

const PARTITIONS = 4;
const WRITERS = 6;

let cluster: KafkaCluster;
let logs: EventLog[] = [];

const open = async (topic: string): Promise<EventLog> => {
  // A busy machine may need longer for a broker's start than an append is tried by default.
  const options = { partitions: PARTITIONS, deliverWithinMs: 100_000 };
  const log = await openKafkaLog(`kafka://${cluster.brokers.join(',')}/${topic}`, options);
  logs.push(log);
  return log;
};

describe.skipIf(kafkaOfRun() === null)('a broker that is killed', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    cluster = await startKafka({
      folder: join(mkdtempSync(join(tmpdir(), 'tidemark-log-outage-')), 'kafka'),
      temporary: true,
      settings: { 'broker.session.timeout.ms': '4000' },
    });
  });
  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await cluster?.stop();
  });

  test('and comes back has every append once, in order, where it was said to be, and members go on', async () => {
    const [writer, reader] = [await open('killed'), await open('killed')];
    const group = new RecordedGroup();
    const member = await reader.consume('group', group.handler('a'));
    const appended = new Map<string, Appended>();
    let isOver = false;
    let rounds = 0;
    const writing = Array.from({ length: WRITERS }, async (_, n) => {
      for (let round = 0; !isOver; round += 1) {
        const records = numbered(`w${n} ${round}`, 30, 7);
        const places = await writer.append(records);
        for (const [nth, place] of places.entries()) appended.set(`w${n} ${round} ${nth}`, place);
        rounds += 1;
      }
    });
    for (const enough of [50, 150]) {
      await until(() => expect(rounds).toBeGreaterThan(enough));
      await cluster.kill(1);
      await cluster.start(1);
      const before = rounds;
      await until(() => expect(rounds).toBeGreaterThan(before + WRITERS));
    }
    isOver = true;
    await Promise.all(writing);

    const kept = new Map<string, Appended>();
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const records = await readAll(writer, partition);
      for (const record of records) kept.set(text(record), { partition, offset: record.offset });
      const ofWriter = (n: number) => records.map(text).filter((value) => value.startsWith(`w${n} `));
      for (let n = 0; n < WRITERS; n += 1) {
        const order = ofWriter(n).map((value) => value.split(' ').slice(1).map(Number));
        expect(order).toEqual([...order].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d));
      }
      expect(new Set(records.map(text)).size).toBe(records.length);
    }
    expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(appended));
    await until(() => expect(group.records).toHaveLength(kept.size));
    expect(new Set(group.values()).size).toBe(kept.size);
    expect(group.overlaps).toEqual([]);
    expect(member.held()).toHaveLength(PARTITIONS);
  });

  test('and stays away makes questions fail as worth another try, and a reader goes on when it is back', async () => {
    const log = await open('away');
    await log.append(numbered('before', 10));
    await cluster.kill(1);
    const unavailable = { code: 'TIDEMARK_LOG_UNAVAILABLE', retryable: true };
    await expect(log.bounds()).rejects.toMatchObject(unavailable);
    await expect(log.read(0, 0n, { maxRecords: 5, waitMs: 0 })).rejects.toMatchObject(unavailable);
    await expect(log.identity()).rejects.toMatchObject(unavailable);
    await expect(open('away')).rejects.toMatchObject(unavailable);
    const appending = log.append(numbered('meanwhile', 10));
    await cluster.start(1);
    expect(await appending).toHaveLength(10);
    expect([...(await log.bounds()).values()].reduce((sum, { end }) => sum + end, 0n)).toBe(20n);
  });

  test('or is stopped in its tracks costs a member its partitions, and it has them again afterwards', async () => {
    const log = await open('paused');
    const group = new RecordedGroup();
    const member = await log.consume('group', group.handler('a'));
    await until(() => expect(member.held()).toHaveLength(PARTITIONS));
    cluster.pause(1);
    await until(() => expect(member.held()).toEqual([]));
    cluster.resume(1);
    await until(() => expect(member.held()).toHaveLength(PARTITIONS));
    await log.append(numbered('after', 50));
    await until(() => expect(group.records).toHaveLength(50));
    expect(group.overlaps).toEqual([]);
  });
});

import { randomBytes } from 'node:crypto';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprint } from '../fingerprint.ts';
import type { EventLog } from '../port.ts';
import { MAX_RECORD_BYTES } from '../record-limit.ts';
import { bytes, readAll } from '../testing/records.ts';
import { openKafkaLog } from './log.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';

let topic: TestTopic;
let log: EventLog;

const prints = async (): Promise<string[]> => (await readAll(log, 0, 100)).map(fingerprint);

describe.skipIf(kafkaOfRun() === null)('what can not be compressed', () => {
  beforeEach(async () => {
    topic = testTopic(kafkaOfRun() ?? '');
    // Noise grows a little in every codec, so that the largest record shows the topic's own limit to be wide enough.
    log = await openKafkaLog(topic.url('?compression=snappy&partitions=1'));
  });
  afterEach(async () => {
    await log.close();
    await topic.drop();
  });

  test('is split by bytes into batches that the broker takes, in order', async () => {
    const sent = Array.from({ length: 60 }, (_, n) => ({ key: bytes(`${n}`), value: randomBytes(200_000) }));
    const appended = await log.append(sent);
    expect(appended.map(({ offset }) => offset)).toEqual(sent.map((_, n) => BigInt(n)));
    expect(await prints()).toEqual(sent.map((each, n) => fingerprint({ ...each, offset: BigInt(n), headers: {} })));
    const first = await log.read(0, 0n, { maxRecords: 100, waitMs: 0 });
    expect(first.records.length).toBeLessThan(60);
    expect(first.level).toBe(false);
  });

  test('may be as large as the limit, many times over', async () => {
    const sent = Array.from({ length: 5 }, () => ({ key: null, value: randomBytes(MAX_RECORD_BYTES) }));
    await log.append(sent);
    expect(await prints()).toEqual(sent.map((each, n) => fingerprint({ ...each, offset: BigInt(n), headers: {} })));
  });
});

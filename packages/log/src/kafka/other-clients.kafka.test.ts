import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { barrierRecord } from '../barrier.ts';
import type { EventLog } from '../port.ts';
import { bytes, readAll, text } from '../testing/records.ts';
import { CODECS } from './codecs.ts';
import { openKafkaLog } from './log.ts';
import { type TestTopic, testTopic } from './testing/test-topic.ts';

const COUNT = 300;

const hasKcat = spawnSync('kcat', ['-V']).error === undefined;
if (!hasKcat) {
  if (process.env.CI) throw new Error('kcat is missing: apt-get install kcat');
  console.warn('SKIPPED: the log in Kafka against librdkafka, because kcat is missing: apt-get install kcat');
}

const address = kafkaOfRun() ?? '';
const value = (n: number) => `{"event_id":"e-${n}","customer_id":"customer ${n % 17}","text":"${'x'.repeat(n)}"}`;
const VALUES = Array.from({ length: COUNT }, (_, n) => value(n));

let topic: TestTopic;
let logs: EventLog[] = [];

const open = async (parameters = ''): Promise<EventLog> => {
  const log = await openKafkaLog(topic.url(parameters), { partitions: 4 });
  logs.push(log);
  return log;
};

/** Everything in the log, by partition. */
async function allOf(log: EventLog) {
  const partitions = await log.partitions();
  return (await Promise.all(partitions.map((partition) => readAll(log, partition, 50)))).flat();
}

async function kcatSends(codec: string): Promise<void> {
  const kcat = spawn('kcat', ['-P', '-b', address, '-t', topic.name, '-z', codec, '-K', '\t', '-H', 'source=kcat']);
  kcat.stdin.end(VALUES.map((each, n) => `customer ${n % 17}\t${each}\n`).join(''));
  const [code] = await once(kcat, 'close');
  expect(code).toBe(0);
}

describe.skipIf(kafkaOfRun() === null || !hasKcat)('librdkafka', () => {
  beforeEach(() => {
    topic = testTopic(address);
  });
  afterEach(async () => {
    await Promise.all(logs.map((log) => log.close()));
    logs = [];
    await topic.drop();
  });

  test.each(CODECS)('in %s is read record by record, in order within each partition', async (codec) => {
    const log = await open();
    await kcatSends(codec);
    const records = await allOf(log);
    expect(records.map(text).sort()).toEqual([...VALUES].sort());
    expect(records.every(({ headers }) => Buffer.from(headers.source ?? []).toString() === 'kcat')).toBe(true);
    const numbers = (partition: number) =>
      records.filter((record) => record.partition === partition).map((record) => VALUES.indexOf(text(record)));
    for (const partition of [0, 1, 2, 3]) {
      expect(numbers(partition)).toEqual([...numbers(partition)].sort((a, b) => a - b));
    }
  });

  test.each(CODECS)('reads what is appended in %s, and passes over barriers', async (codec) => {
    const log = await open(`?compression=${codec}`);
    await log.append(VALUES.map((each, n) => ({ key: bytes(`customer ${n % 17}`), value: bytes(each) })));
    await log.append([0, 1, 2, 3].map((partition) => barrierRecord(1, 1_000, partition)));
    const { stdout } = await promisify(execFile)('kcat', [
      '-C',
      '-e',
      '-q',
      '-b',
      address,
      '-t',
      topic.name,
      '-f',
      '%s\n',
    ]);
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual([...VALUES].sort());
  });

  test('places a customer where it likes: the same one may be in two partitions', async () => {
    const log = await open();
    await kcatSends('none');
    await log.append(VALUES.map((each, n) => ({ key: bytes(`customer ${n % 17}`), value: bytes(each) })));
    const places = new Map<string, Set<number>>();
    for (const { key, partition } of await allOf(log)) {
      const customer = Buffer.from(key ?? []).toString();
      places.set(customer, (places.get(customer) ?? new Set()).add(partition));
    }
    expect([...places.values()].some((partitions) => partitions.size === 2)).toBe(true);
  });
});

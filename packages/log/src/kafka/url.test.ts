import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseKafkaUrl } from './url.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-url-'));
const file = (name: string) => {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true }));

test('brokers, topic and defaults', () => {
  expect(parseKafkaUrl('kafka://one:9192,two,[::1]:9093/shop.events-2')).toEqual({
    brokers: [
      { host: 'one', port: 9192 },
      { host: 'two', port: 9092 },
      { host: '::1', port: 9093 },
    ],
    topic: 'shop.events-2',
    sasl: null,
    tls: null,
    compression: 'lz4',
    topicSettings: { retentionHours: null },
  });
  for (const url of ['kafka://one', 'kafka://one/', 'kafka://one?tls=false'])
    expect(parseKafkaUrl(url).topic).toBe('customer_events');
});

test('how a topic is made', () => {
  const url = 'kafka://one/e?partitions=8&replication=3&min_isr=2&retention_hours=72&compression=zstd';
  expect(parseKafkaUrl(url)).toMatchObject({
    compression: 'zstd',
    topicSettings: { partitions: 8, replication: 3, minIsr: 2, retentionHours: 72 },
  });
});

test('a user is shown in the way that the URL says, and may hold any sign', () => {
  expect(parseKafkaUrl('kafka://ann%40shop:p%3Aw%2F%25:x@one/e?sasl=scram-sha-512').sasl).toEqual({
    mechanism: 'scram-sha-512',
    username: 'ann@shop',
    password: 'p:w/%:x',
  });
});

test('certificates are read', () => {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map(file);
  expect(parseKafkaUrl(`kafka://one/e?ca=${ca}`).tls).toEqual({ ca: Buffer.from('ca') });
  expect(Object.keys(parseKafkaUrl(`kafka://one/e?ca=${ca}&cert=${cert}&key=${key}`).tls ?? {})).toHaveLength(3);
  expect(parseKafkaUrl('kafka://one/e?tls=true').tls).toEqual({});
});

describe('a URL that can not be used says why', () => {
  test.each([
    ['kafka:one', 'shape'],
    ['kafka://', 'shape'],
    ['kafka://one/a/b', 'shape'],
    ['kafka://one:0/e', 'host:port'],
    ['kafka://one:99999/e', 'host:port'],
    ['kafka://one,,two/e', 'host:port'],
    ['kafka://one/e?compresion=gzip', '"compresion"'],
    ['kafka://one/e?tls=true&tls=false', 'twice'],
    ['kafka://one/e?tls=yes', 'tls=yes'],
    ['kafka://one/e?compression=brotli', 'none, gzip, snappy, lz4, zstd'],
    ['kafka://one/e?partitions=0', 'partitions=0'],
    ['kafka://one/e?replication=1.5', 'replication=1.5'],
    ['kafka://one/e?replication=2&min_isr=3', 'min_isr=3'],
    ['kafka://one/e?retention_hours=', 'retention_hours='],
    ['kafka://one/e?ca=/nowhere/ca.pem', '/nowhere/ca.pem'],
    ['kafka://one/e?cert=/nowhere/cert.pem', 'together'],
    ['kafka://one/e?tls=false&ca=/nowhere/ca.pem', 'contradicts'],
    ['kafka://one/e?sasl=plain', 'user:password@'],
    ['kafka://ann@one/e?sasl=plain', 'user:password@'],
    ['kafka://ann:secret@one/e', 'sasl='],
    ['kafka://ann:secret@one/e?sasl=gssapi', 'sasl=gssapi'],
    ['kafka://ann:secret%@one/e?sasl=plain', 'percent-encoded'],
  ])('%s', (url, reason) => {
    const error = (() => {
      try {
        return parseKafkaUrl(url);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code: 'TIDEMARK_LOG_URL', message: expect.stringContaining(reason) });
    expect(String(error)).not.toContain('secret');
  });

  test.each(['kafka://one/.', 'kafka://one/a%20b', `kafka://one/${'a'.repeat(250)}`])('%s', (url) => {
    expect(() => parseKafkaUrl(url)).toThrow(expect.objectContaining({ code: 'TIDEMARK_LOG_BAD_TOPIC' }));
  });
});

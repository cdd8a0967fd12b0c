import { PassThrough, Readable } from 'node:stream';
import { type FreshDatabase, freshDatabase } from '@tidemark/embedded-postgres/testing';
import type { EventLog, LogRecord } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendLines } from './send-lines.ts';

let database: FreshDatabase;
let log: EventLog;

beforeEach(async () => {
  database = await freshDatabase();
  log = await openLog(database.url, { partitions: 3 });
});
afterEach(async () => {
  await log.close();
  await database.drop();
});

const event = (id: string, customer = 'a') =>
  JSON.stringify({
    event_id: id,
    event_type: 'email_open',
    customer_id: customer,
    occurred_at: '2020-01-01T00:00:00Z',
    campaign_id: 'c',
  });

async function send(chunks: readonly (string | Uint8Array)[], raw = false) {
  const output = new PassThrough();
  const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  const counts = await sendLines(input, output, { log, currency: 'USD', raw });
  const text = String(output.read() ?? '');
  const results = text
    .split('\n')
    .filter(Boolean)
    .map((line): Record<string, unknown> => JSON.parse(line));
  return { counts, results };
}

async function records(): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = [];
  for (const [partition, { start }] of await log.bounds()) {
    found.push(...(await log.read(partition, start, { maxRecords: 1000, waitMs: 0 })).records);
  }
  return found;
}

describe('send', () => {
  it('answers every line in order, with the place of what it appended', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `e${index}`);
    const { counts, results } = await send([ids.map((id, index) => event(id, `c${index}`)).join('\r\n')]);
    expect(counts).toEqual({ sent: 50, refused: 0 });
    expect(results.map(({ line }) => line)).toEqual(ids.map((_, index) => index + 1));
    const found = await records();
    const byPlace = new Map(
      found.map(({ partition, offset, value, key }) => [
        `${partition}/${offset}`,
        [Buffer.from(value ?? []).toString(), Buffer.from(key ?? []).toString()],
      ]),
    );
    results.forEach(({ partition, offset }, index) => {
      expect(byPlace.get(`${partition}/${offset}`)).toEqual([event(ids[index] ?? '', `c${index}`), `c${index}`]);
    });
    expect(new Set(found.map(({ partition }) => partition)).size).toBe(3);
  });

  it('refuses what is no event with line, code and reason, and goes on', async () => {
    const big = `{"event_id":"${'x'.repeat(1_100_000)}"}`;
    const lines = [event('e1'), 'nonsense', '', big, '{"event_type":"email_open"}', event('e2')];
    const { counts, results } = await send([`${lines.join('\n')}\n`, Buffer.from([0xff])]);
    expect(counts).toEqual({ sent: 2, refused: 4 });
    expect(results.map(({ line, ok, code }) => [line, ok, code])).toEqual([
      [1, true, undefined],
      [2, false, 'invalid_json'],
      [4, false, 'oversized'],
      [5, false, 'missing_field'],
      [6, true, undefined],
      [7, false, 'invalid_utf8'],
    ]);
    expect(results[3]?.reason).toBe('event_id: is required');
    expect(await records()).toHaveLength(2);
  });

  it('puts lines together over chunks', async () => {
    const text = Buffer.from(`${event('ü1')}\n${event('🌊2')}\n`);
    const { counts } = await send(Array.from(text, (byte) => Uint8Array.of(byte)));
    expect(counts).toEqual({ sent: 2, refused: 0 });
  });

  it('answers a line at once while the input stays open', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const done = sendLines(input, output, { log, currency: 'USD', raw: false });
    for (const id of ['e1', 'e2']) {
      const answered = new Promise<string>((resolve) => output.once('data', (chunk: Buffer) => resolve(String(chunk))));
      input.write(`${event(id)}\n`);
      expect(JSON.parse(await answered)).toMatchObject({ ok: true });
    }
    input.end();
    expect(await done).toEqual({ sent: 2, refused: 0 });
  });

  it('appends bytes as they are when it is told to', async () => {
    const { counts } = await send(
      [Buffer.from('not json\n\n'), Buffer.from([0xff, 0x00, 0x0a]), Buffer.from(event('e1'))],
      true,
    );
    expect(counts).toEqual({ sent: 4, refused: 0 });
    const found = (await records()).map(({ value, key }) => [
      Buffer.from(value ?? []).toString('latin1'),
      key && String(key),
    ]);
    expect(found.sort()).toEqual(
      [
        ['', null],
        ['not json', null],
        ['\xff\x00', null],
        [event('e1'), 'a'],
      ].sort(),
    );
  });

  it('fails when the log does, and says nothing it does not know', async () => {
    await log.close();
    const output = new PassThrough();
    const input = Readable.from([Buffer.from(`${event('e1')}\n`)]);
    await expect(sendLines(input, output, { log, currency: 'USD', raw: false })).rejects.toThrow();
    expect(output.read()).toBeNull();
    log = await openLog(database.url);
  });
});

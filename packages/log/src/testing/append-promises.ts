import { expect, test } from 'vitest';
import { partitionOfKey } from '../partitioner.ts';
import type { Append } from '../port.ts';
import { MAX_RECORD_BYTES } from '../record-limit.ts';
import { type LogCapabilities, PARTITIONS } from './capabilities.ts';
import type { Opened } from './log-conformance.ts';
import { bytes, numbered, readAll, text } from './records.ts';

/** What every log promises to those who append. */
export function appendPromises(opened: Opened, capabilities: LogCapabilities): void {
  test('a record comes back as it was appended: bytes, nulls, empties and headers', async () => {
    const log = await opened.open();
    const headers = { plain: bytes('1'), 'Ünïcode \u{1f30a}': Uint8Array.of(0, 255, 128), empty: new Uint8Array() };
    const before = Date.now();
    const sent: Append[] = [
      { key: bytes('k'), value: Uint8Array.of(0, 1, 254, 255), headers, partition: 1 },
      { key: null, value: null, partition: 1 },
      { key: new Uint8Array(), value: new Uint8Array(), headers: {}, partition: 1 },
      {
        key: Uint8Array.of(0xff),
        value: bytes('{"__proto__":1}'),
        headers: { ['__proto__']: bytes('x') },
        partition: 1,
      },
    ];
    await log.append(sent);
    const read = await readAll(log, 1);
    expect(read.map(({ key, value }) => [key && [...key], value && [...value]])).toEqual(
      sent.map(({ key, value }) => [key && [...key], value && [...value]]),
    );
    const names = (all: Append['headers']) =>
      Object.entries(all ?? {})
        .map(([name, value]) => [name, [...value]])
        .sort();
    expect(read.map((record) => names(record.headers))).toEqual(sent.map((record) => names(record.headers)));
    expect(read.every((record) => record.partition === 1)).toBe(true);
    for (const { timestampMs } of read) expect(Math.abs(timestampMs - before)).toBeLessThan(60_000);
  });

  test('the key decides the partition, as it does in Kafka', async () => {
    const log = await opened.open();
    const sent = numbered('event', 400, 100);
    const appended = await log.append(sent);
    expect(appended.map((each) => each.partition)).toEqual(
      sent.map((each) => partitionOfKey(each.key ?? new Uint8Array(), PARTITIONS)),
    );
    const seen = new Set(appended.map((each) => each.partition));
    expect(seen.size).toBe(PARTITIONS);
  });

  test('records without a key are spread, and a partition that is named is kept', async () => {
    const log = await opened.open();
    const spread = await log.append(Array.from({ length: 400 }, () => ({ key: null, value: bytes('x') })));
    expect(new Set(spread.map((each) => each.partition)).size).toBeGreaterThan(1);
    const named = await log.append([2, 0, 2].map((partition) => ({ key: bytes('same'), value: null, partition })));
    expect(named.map((each) => each.partition)).toEqual([2, 0, 2]);
  });

  test('one append keeps its order in each partition, and says where each record is', async () => {
    const log = await opened.open();
    const sent = numbered('event', 7_000);
    const appended = await log.append(sent);
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const read = await readAll(log, partition);
      const expected = sent.flatMap((each, n) => {
        const position = appended[n];
        return position?.partition === partition ? [[position.offset, Buffer.from(each.value ?? []).toString()]] : [];
      });
      expect(read.map((record) => [record.offset, text(record)])).toEqual(expected);
    }
  });

  test('nothing is appended of nothing', async () => {
    const log = await opened.open();
    expect(await log.append([])).toEqual([]);
  });

  test('concurrent producers lose nothing, and each keeps its order', async () => {
    const logs = await Promise.all([opened.open(), opened.open()]);
    const producers = Array.from({ length: 8 }, (_, n) => ({ name: `p${n}`, log: logs[n % 2] }));
    const BATCHES = 12;
    await Promise.all(
      producers.map(async ({ name, log }) => {
        for (let batch = 0; batch < BATCHES; batch += 1) await log?.append(numbered(`${name} ${batch}`, 20, 9));
      }),
    );
    let total = 0;
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const read = await readAll(await opened.open(), partition);
      total += read.length;
      for (const { name } of producers) {
        const own = read
          .map(text)
          .filter((value) => value.startsWith(`${name} `))
          .map((value) => value.split(' ').slice(1).map(Number));
        const sorted = [...own].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d);
        expect(own).toEqual(sorted);
      }
      if (capabilities.gaplessOffsets.has) {
        expect(read.map((record) => record.offset)).toEqual(read.map((_, n) => BigInt(n)));
      }
    }
    expect(total).toBe(producers.length * BATCHES * 20);
  });

  test('a record over the limit is refused with its whole append, and one at the limit is taken', async () => {
    const log = await opened.open();
    const tooLarge = { key: bytes('k'), value: new Uint8Array(MAX_RECORD_BYTES) };
    await expect(log.append([{ key: null, value: bytes('small'), partition: 0 }, tooLarge])).rejects.toMatchObject({
      code: 'TIDEMARK_LOG_RECORD_TOO_LARGE',
    });
    expect([...(await log.bounds()).values()].every(({ start, end }) => start === end)).toBe(true);
    const [at] = await log.append([{ key: bytes('k'), value: new Uint8Array(MAX_RECORD_BYTES - 1), partition: 3 }]);
    expect((await readAll(log, 3)).map((record) => [record.offset, record.value?.length])).toEqual([
      [at?.offset, MAX_RECORD_BYTES - 1],
    ]);
  });

  test('a partition that is not there is refused', async () => {
    const log = await opened.open();
    const failure = { code: 'TIDEMARK_LOG_NO_PARTITION' };
    await expect(log.append([{ key: null, value: null, partition: PARTITIONS }])).rejects.toMatchObject(failure);
    await expect(log.append([{ key: null, value: null, partition: -1 }])).rejects.toMatchObject(failure);
    await expect(log.read(PARTITIONS, 0n, { maxRecords: 1, waitMs: 0 })).rejects.toMatchObject(failure);
  });
}

import { describe, expect, test } from 'vitest';
import { type LogCapabilities, MAY_BE_BUSY, PARTITIONS, tookAtMost } from './capabilities.ts';
import type { Opened } from './log-conformance.ts';
import { bytes, readAll, text } from './records.ts';

const inPartition = (partition: number, count: number, prefix = 'event') =>
  Array.from({ length: count }, (_, n) => ({ key: null, value: bytes(`${prefix} ${n}`), partition }));

/** What every log promises to those who read by offset. */
export function readPromises(opened: Opened, capabilities: LogCapabilities): void {
  test('it has an identity that all who open it see, and its partitions', async () => {
    const [one, two] = [await opened.open(), await opened.open()];
    expect(await one.identity()).not.toBe('');
    expect(await two.identity()).toBe(await one.identity());
    expect(await one.partitions()).toEqual(Array.from({ length: PARTITIONS }, (_, n) => n));
  });

  test('more than one read holds is read on without loss or repeat', async () => {
    const log = await opened.open();
    await log.append(inPartition(0, 2_500));
    expect((await readAll(log, 0, 1_000)).map(text)).toEqual(Array.from({ length: 2_500 }, (_, n) => `event ${n}`));
    const first = await log.read(0, 0n, { maxRecords: 10, waitMs: 0 });
    expect(first.records.length).toBeGreaterThan(0);
    expect(first.level).toBe(false);
    expect(first.next).toBeGreaterThan(first.records.at(-1)?.offset ?? 0n);
  });

  test('large records come in several reads, none of them empty', async () => {
    const log = await opened.open();
    const large = Array.from({ length: 24 }, (_, n) => ({
      key: bytes(`${n}`),
      value: new Uint8Array(1_000_000),
      partition: 0,
    }));
    await log.append(large);
    const read = await readAll(log, 0, 100);
    expect(read.map((record) => Buffer.from(record.key ?? []).toString())).toEqual(large.map((_, n) => `${n}`));
  });

  test('an empty partition is level', async () => {
    const log = await opened.open();
    const { end } = (await log.bounds()).get(0) ?? { end: -1n };
    expect(await log.read(0, end, { maxRecords: 5, waitMs: 0 })).toEqual({ records: [], next: end, level: true });
  });

  describe('a read that waits', () => {
    test('is answered promptly by an append of another process', MAY_BE_BUSY, async () => {
      const [reader, writer] = [await opened.open(), await opened.open()];
      const { end } = (await reader.bounds()).get(2) ?? { end: 0n };
      // A first one, so that connections are there when the time is taken.
      await reader.read(2, end, { maxRecords: 5, waitMs: 50 });
      const waiting = reader.read(2, end, { maxRecords: 5, waitMs: 30_000 });
      await writer.append(inPartition(2, 1));
      const appendedAt = performance.now();
      expect((await waiting).records.map(text)).toEqual(['event 0']);
      tookAtMost(capabilities.within.wakeMs, appendedAt);
    });

    test('never misses a record, however the append and the wait fall together', async () => {
      const [reader, writer] = [await opened.open(), await opened.open()];
      const COUNT = 60;
      const seen: string[] = [];
      const reading = (async () => {
        let from = 0n;
        while (seen.length < COUNT) {
          const result = await reader.read(1, from, { maxRecords: 3, waitMs: 20_000 });
          seen.push(...result.records.map(text));
          from = result.next;
        }
      })();
      for (let n = 0; n < COUNT; n += 1) await writer.append([{ key: null, value: bytes(`${n}`), partition: 1 }]);
      await reading;
      expect(seen).toEqual(Array.from({ length: COUNT }, (_, n) => `${n}`));
    });

    test('ends at its time, and at once when it is called off', MAY_BE_BUSY, async () => {
      const log = await opened.open();
      const { end } = (await log.bounds()).get(0) ?? { end: 0n };
      const startedAt = performance.now();
      const timed = await log.read(0, end, { maxRecords: 5, waitMs: 200 });
      expect(timed).toEqual({ records: [], next: end, level: true });
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
      const aborter = new AbortController();
      const waiting = log.read(0, end, { maxRecords: 5, waitMs: 30_000, signal: aborter.signal });
      const abortedAt = performance.now();
      aborter.abort();
      expect((await waiting).records).toEqual([]);
      tookAtMost(capabilities.within.wakeMs, abortedAt);
    });
  });

  describe('retention', () => {
    test('forgets what is below, and says so to a reader that comes too late', async () => {
      const log = await opened.open();
      const appended = await log.append(inPartition(1, 100));
      const before = appended[40]?.offset ?? 0n;
      await log.truncate(1, before);
      expect((await log.bounds()).get(1)?.start).toBe(before);
      expect((await readAll(log, 1)).map(text)[0]).toBe('event 40');
      const tooLate = log.read(1, before - 1n, { maxRecords: 5, waitMs: 0 });
      await expect(tooLate).rejects.toMatchObject({ code: 'TIDEMARK_LOG_GAP', retryable: false });
    });

    test('never goes back, never beyond the end, and offsets go on after all was forgotten', async () => {
      const log = await opened.open();
      const appended = await log.append(inPartition(1, 10));
      const { end } = (await log.bounds()).get(1) ?? { end: 0n };
      await log.truncate(1, end + 1_000n);
      await log.truncate(1, 0n);
      expect((await log.bounds()).get(1)).toEqual({ start: end, end });
      const [next] = await log.append(inPartition(1, 1, 'later'));
      expect(next?.offset).toBeGreaterThan(appended.at(-1)?.offset ?? 0n);
      expect((await readAll(log, 1)).map(text)).toEqual(['later 0']);
    });

    test('a position beyond the end means another log, and is an error at once', async () => {
      const log = await opened.open();
      const { end } = (await log.bounds()).get(0) ?? { end: 0n };
      const shrunk = log.read(0, end + 1n, { maxRecords: 5, waitMs: 30_000 });
      await expect(shrunk).rejects.toMatchObject({ code: 'TIDEMARK_LOG_SHRUNK', retryable: false });
    });
  });

  test('it grows and never shrinks; a producer that knew it smaller places by the new number', async () => {
    const [one, two] = [await opened.open(), await opened.open()];
    await two.append(inPartition(0, 1));
    await one.grow(PARTITIONS + 2);
    await one.grow(2);
    expect(await two.partitions()).toHaveLength(PARTITIONS + 2);
    const [named] = await two.append(inPartition(PARTITIONS + 1, 1));
    expect(named?.partition).toBe(PARTITIONS + 1);
    const keyed = await two.append(Array.from({ length: 200 }, (_, n) => ({ key: bytes(`c${n}`), value: null })));
    expect(Math.max(...keyed.map((each) => each.partition))).toBe(PARTITIONS + 1);
  });
}

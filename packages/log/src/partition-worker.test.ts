import { expect, it } from 'vitest';
import { startWorker } from './partition-worker.ts';
import type { LogRecord, PartitionHandler, ReadOptions, ReadResult } from './port.ts';

const recordAt = (offset: bigint): LogRecord => ({
  partition: 0,
  offset,
  key: null,
  value: null,
  headers: {},
  timestampMs: 0,
});

/** Partition 0 as scripted: one answer after the other, and then nothing until the read is called off. */
function scripted(answers: readonly Omit<ReadResult, 'next'>[]) {
  const reads: bigint[] = [];
  const read = async (_: number, from: bigint, { signal }: ReadOptions): Promise<ReadResult> => {
    const answer = answers[reads.length];
    reads.push(from);
    if (answer) return { ...answer, next: from + BigInt(answer.records.length) };
    await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    return { records: [], next: from, level: true };
  };
  return { reads, reader: { read } };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A worker, and what its handler was given: how many records at once. */
function working(reader: Parameters<typeof startWorker>[0]['reader'], records: PartitionHandler['records']) {
  const given: number[] = [];
  const handler: PartitionHandler = {
    assigned: async () => 0n,
    records: async (partition, batch, lease) => {
      given.push(batch.records.length);
      await records(partition, batch, lease);
    },
    revoked: async () => {},
  };
  const worker = startWorker({ partition: 0, reader, handler, maxBatchRecords: 10, isMemberAlive: () => true });
  return { given, worker };
}

it('reads on while the handler works, as long as it is behind', async () => {
  const { reads, reader } = scripted([
    { records: [recordAt(0n)], level: false },
    { records: [recordAt(1n)], level: true },
    { records: [recordAt(2n)], level: true },
  ]);
  const gates: (() => void)[] = [];
  const { given, worker } = working(reader, () => new Promise((resolve) => gates.push(resolve)));
  await settled();
  expect([given, reads]).toEqual([[1], [0n, 1n]]);
  gates[0]?.();
  await settled();
  // Level: what comes while these are handled is one batch, read afterwards.
  expect([given, reads]).toEqual([
    [1, 1],
    [0n, 1n],
  ]);
  gates[1]?.();
  await settled();
  expect([given, reads]).toEqual([
    [1, 1, 1],
    [0n, 1n, 2n],
  ]);
  gates[2]?.();
  worker.stop();
  await worker.ended;
});

it('tells the handler once that there is nothing but the end', async () => {
  const level = { records: [], level: true };
  const { given, worker } = working(
    scripted([{ records: [recordAt(0n)], level: false }, level, level, { records: [recordAt(1n)], level: true }, level])
      .reader,
    async () => {},
  );
  await settled();
  worker.stop();
  await worker.ended;
  expect(given).toEqual([1, 0, 1]);
});

it('ends with the failure of its handler, whatever becomes of the read ahead', async () => {
  const { reader } = scripted([{ records: [recordAt(0n)], level: false }]);
  let reads = 0;
  const failing = {
    read: async (...given: Parameters<typeof reader.read>) => {
      if (++reads > 1) throw new Error('the log failed');
      return await reader.read(...given);
    },
  };
  const { worker } = working(failing, async () => {
    await settled();
    throw new Error('the handler failed');
  });
  await expect(worker.ended).rejects.toThrow('the handler failed');
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunOptions, runBatch } from './batch-run.ts';
import { openSmallSystem, type SmallSystem } from './testing/small-system.ts';

let system: SmallSystem;

beforeEach(async () => {
  // So small that rows are merged in every run.
  system = await openSmallSystem({ mergeAtFiles: 1 });
});

afterEach(() => system.close());

const run = (options: RunOptions = {}) => {
  system.clock.advance(60_000);
  return runBatch(system.context, options);
};

/** What retention does that runs past a stopped batch layer. Answers where each partition begins now. */
async function forgetAll(): Promise<ReadonlyMap<number, bigint>> {
  const { log } = system.context;
  for (const [partition, { end }] of await log.bounds()) await log.truncate(partition, end);
  return new Map([...(await log.bounds())].map(([partition, { start }]) => [partition, start]));
}

describe('records that retention removed before they were landed', () => {
  it('end every run until their loss is accepted, once; what there is then counts whole', async () => {
    const { lake } = system.context;
    await system.place('anna', 'o-1', '10.00');
    expect(await run()).toMatchObject({ status: 'published', missing: 0 });
    const landed = await lake.heads();
    for (const order of ['o-2', 'o-3']) await system.place('anna', order, '100.00');
    const starts = await forgetAll();
    await system.place('anna', 'o-4', '1.00');

    const gap = { code: 'TIDEMARK_BATCH_GAP', retryable: false };
    await expect(run()).rejects.toMatchObject(gap);
    await expect(run({ full: true })).rejects.toMatchObject(gap);
    for (const [partition, { end }] of landed)
      if (end < (starts.get(partition) ?? 0n)) expect((await lake.heads()).get(partition)?.end).toBe(end);
    expect(await system.revenue('anna')).toBe('10.00');

    const accepted = await run({ acceptDataLoss: true });
    const lost = [...starts].reduce(
      (sum, [partition, start]) => sum + Number(start - (landed.get(partition)?.end ?? 0n)),
      0,
    );
    expect(lost).toBeGreaterThanOrEqual(2);
    expect(accepted).toMatchObject({ status: 'published', missing: lost });
    expect(await system.revenue('anna')).toBe('11.00');
    const filed = (await lake.ranges()).filter(({ counts }) => counts.missing !== undefined);
    expect(filed.map(({ partition, head }) => [partition, head.end])).toEqual(
      [...starts].filter(([partition, start]) => start > (landed.get(partition)?.end ?? 0n)),
    );

    await system.place('anna', 'o-5', '1.00');
    expect(await run()).toMatchObject({ status: 'published', missing: 0 });
    expect(await system.revenue('anna')).toBe('12.00');
  });

  it('are noticed in a partition that came after a run', async () => {
    const { log } = system.context;
    await system.place('anna', 'o-1', '10.00');
    await run();
    await log.grow(12);
    for (let n = 2; n <= 40; n++) await system.place(`customer-${n}`, 'o', '1.00');
    const bounds = [...(await log.bounds())].find(([partition, { end }]) => partition >= 2 && end > 0n);
    if (bounds === undefined) throw new Error('no event came to a new partition');
    const [partition, { end }] = bounds;
    await log.truncate(partition, end);
    await expect(run()).rejects.toMatchObject({
      code: 'TIDEMARK_BATCH_GAP',
      message: expect.stringContaining(`Partition ${partition} `),
    });
    expect(await run({ acceptDataLoss: true })).toMatchObject({ status: 'published', missing: Number(end) });
  });

  it('are nobody else’s where a first run finds a log that begins later', async () => {
    for (const order of ['o-1', 'o-2']) await system.place('anna', order, '10.00');
    await forgetAll();
    await system.place('anna', 'o-3', '1.00');
    expect(await run()).toMatchObject({ status: 'published', missing: 0 });
    expect(await system.revenue('anna')).toBe('1.00');
  });
});

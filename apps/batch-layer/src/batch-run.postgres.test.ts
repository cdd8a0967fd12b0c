import { TidemarkError } from '@tidemark/contracts';
import { barrierRecord, type EventLog } from '@tidemark/log';
import { emptyDelta, rankLists } from '@tidemark/metrics';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchContext } from './batch-context.ts';
import { listGenerations, resumePublishing, rollback, runBatch } from './index.ts';
import { publish } from './steps/publish.ts';
import { openSmallSystem, type SmallSystem } from './testing/small-system.ts';

let system: SmallSystem;

beforeEach(async () => {
  system = await openSmallSystem();
});

afterEach(() => system.close());

const run = (options: { full?: boolean } = {}) => {
  system.clock.advance(60_000);
  return runBatch(system.context, options);
};

/** The same but for some of its methods. */
const withMethods = <T extends object>(object: T, methods: Partial<T>): T =>
  new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });

/** The system's log, but for what it says of its identity. */
const identifiedBy = (identity: () => Promise<string>): EventLog => withMethods(system.context.log, { identity });

/** Kills the next run at its nth progress; answers how far it got, or null when it ended before. */
async function killedAt(nth: number): Promise<string | null> {
  let count = 0;
  let where: string | null = null;
  system.onProgress = ({ step, detail }) => {
    if (++count !== nth) return;
    where = `${step}: ${detail}`;
    throw new TidemarkError('TIDEMARK_TEST_KILLED', 'killed', { retryable: true });
  };
  await run().catch((error: unknown) => {
    if (where === null) throw error;
  });
  system.onProgress = () => {};
  return where;
}

describe('a run', () => {
  it('makes what was in the log before its barrier visible, and nothing behind it', async () => {
    await system.place('anna', 'o-1', '10.00');
    expect(await run()).toMatchObject({ generation: 1, status: 'published', customers: 1, rowsWritten: 1 });
    await system.place('anna', 'o-2', '5.00');
    expect(await system.revenue('anna')).toBe('10.00');
    await run();
    expect(await system.revenue('anna')).toBe('15.00');
  });

  it('writes only the customers that changed', async () => {
    for (const customer of ['anna', 'berta', 'carl']) await system.place(customer, 'o-1', '1.00');
    expect((await run()).rowsWritten).toBe(3);
    await system.place('berta', 'o-2', '1.00');
    expect((await run()).rowsWritten).toBe(1);
    expect((await run()).rowsWritten).toBe(0);
    expect((await run({ full: true })).rowsWritten).toBe(3);
  });

  it('goes on where it was killed, whichever step that was, with the same number', async () => {
    await system.place('anna', 'o-1', '10.00');
    await run();
    const places: string[] = [];
    for (let nth = 1; ; nth++) {
      await system.place('anna', `killed-${nth}`, '1.00');
      const before = (await system.context.views.pointer())?.generation ?? 0;
      const where = await killedAt(nth);
      if (where === null) break;
      places.push(where);
      const { generation } = await run();
      // Killed while it measured or cleaned up, it was published: the next run does that, with its own number.
      expect(generation, where).toBe(before + (/^(drift|clean)/.test(where) ? 2 : 1));
      expect(await system.revenue('anna'), where).toBe(`${10 + nth}.00`);
    }
    for (const step of ['barrier', 'land', 'recompute', 'validate', 'publish', 'drift', 'clean']) {
      expect(
        places.some((place) => place.startsWith(step)),
        step,
      ).toBe(true);
    }
  });

  it('knows what its generation was made from, killed before it could record that it is live', async () => {
    for (const order of ['o-1', 'o-2', 'o-3']) {
      await system.place('anna', order, '1.00');
      if (order !== 'o-3') await run();
    }
    const { catalog } = system.context;
    await rollback(system.context, 1);
    await resumePublishing(system.context);
    const markPublished = async () => {
      throw new TidemarkError('TIDEMARK_TEST_KILLED', 'killed', { retryable: true });
    };
    await expect(runBatch({ ...system.context, catalog: { ...catalog, markPublished } })).rejects.toThrow('killed');
    expect((await run()).generation).toBe(3);
    expect(await catalog.run(3)).toMatchObject({ status: 'published', base: 1, excluded: [2] });
  });

  it.each(['rows are written', 'the pointer has moved'])(
    'that was killed after %s goes on with its snapshot, though this code makes another of the same history',
    async (moment) => {
      const { engine, catalog } = system.context;
      const files: ReadonlySet<string>[] = [];
      const recompute: typeof engine.recompute = (request, onProgress) => {
        files.push(new Set(Object.values(request.rows).flatMap((list) => list.map(({ location }) => location))));
        return engine.recompute(request, onProgress);
      };
      for (const order of ['o-1', 'o-2']) {
        await system.place('anna', order, '1.00');
        system.clock.advance(60_000);
        await runBatch({ ...system.context, engine: withMethods(engine, { recompute }) });
      }
      await system.place('berta', 'o-3', '1.00');

      // Other code, which does not see what came with the second run.
      const [first = new Set(), second = new Set()] = files;
      const isSeen = ({ location }: { location: string }) => first.has(location) || !second.has(location);
      const otherEngine = withMethods(engine, {
        recompute: (request, onProgress) => {
          const rows = Object.entries(request.rows).map(([source, list]) => [source, list.filter(isSeen)]);
          return engine.recompute({ ...request, rows: Object.fromEntries(rows) }, onProgress);
        },
      });
      const killed = () => {
        throw new TidemarkError('TIDEMARK_TEST_KILLED', 'killed', { retryable: true });
      };
      if (moment === 'rows are written') system.onProgress = ({ detail }) => detail === 'candidates' && killed();
      const markPublished = async () => killed();
      const dying = { ...system.context, engine: otherEngine, catalog: { ...catalog, markPublished } };
      await expect(runBatch(dying)).rejects.toThrow('killed');
      system.onProgress = () => {};

      expect(await run()).toMatchObject({ generation: 3, status: 'published', resumed: true, customers: 2 });
      expect(await system.revenue('anna')).toBe('1.00');
      expect(await run()).toMatchObject({ generation: 4, rowsWritten: 1 });
      expect([await system.revenue('anna'), await system.revenue('berta')]).toEqual(['2.00', '1.00']);
    },
  );

  it('is not published without its ranking lists', async () => {
    await system.place('anna', 'o-1', '10.00');
    const { engine, views } = system.context;
    const rankings = () => Promise.reject(new TidemarkError('TIDEMARK_TEST_KILLED', 'no lists', { retryable: true }));
    await expect(runBatch({ ...system.context, engine: withMethods(engine, { rankings }) })).rejects.toThrow(
      'no lists',
    );
    expect(await views.pointer()).toBeNull();
    expect(await run()).toMatchObject({ generation: 1, status: 'published', resumed: true });
  });

  it('leaves no list under way when its rows can not be written', async () => {
    await system.place('anna', 'o-1', '10.00');
    const { engine, views } = system.context;
    let fail = () => {};
    const failed = new Promise<void>((resolve) => {
      fail = resolve;
    });
    let lists = 0;
    const dying: BatchContext = {
      ...system.context,
      engine: withMethods(engine, {
        rankings: async (...asked) => {
          await failed;
          return engine.rankings(...asked);
        },
      }),
      views: withMethods(views, {
        writeBatch: () => {
          fail();
          return Promise.reject(new TidemarkError('TIDEMARK_TEST_KILLED', 'no rows', { retryable: true }));
        },
        writeCandidates: async (...list) => {
          await views.writeCandidates(...list);
          lists++;
        },
      }),
    };
    await expect(runBatch(dying)).rejects.toThrow('no rows');
    expect(lists).toBe(rankLists(system.context.definition).length);
  });

  it('writes nothing once another process has made its snapshot anew', async () => {
    await system.place('anna', 'o-1', '1.00');
    const { catalog, views } = system.context;
    const markBegan: typeof catalog.markBegan = async (generation, ...began) => {
      await catalog.updateRun(generation, { snapshot: { path: 'snapshots/another', sha256: 'another' } });
      return catalog.markBegan(generation, ...began);
    };
    const overtaken = runBatch({ ...system.context, catalog: { ...catalog, markBegan } });
    await expect(overtaken).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_LOCK_LOST' });
    expect((await views.versions({ after: null, limit: 10 })).rows).toEqual([]);
    expect(await run()).toMatchObject({ generation: 1, status: 'published', resumed: true });
    expect(await system.revenue('anna')).toBe('1.00');
  });

  it('stays published when cleaning up behind it fails', async () => {
    await system.place('anna', 'o-1', '10.00');
    system.onProgress = ({ step }) => {
      if (step === 'clean') throw new TidemarkError('TIDEMARK_TEST_BROKEN', 'broken');
    };
    await expect(run()).rejects.toMatchObject({ code: 'TIDEMARK_TEST_BROKEN' });
    expect(await system.context.catalog.run(1)).toMatchObject({ status: 'published', reason: 'broken' });
  });

  it('cuts each partition at the first barrier numbered as it or higher, wherever dead runs left theirs', async () => {
    const { log } = system.context;
    await system.place('anna', 'o-1', '1.00');
    await log.append([barrierRecord(1, 5, 0), barrierRecord(1, 5, 0)]);
    await system.place('anna', 'o-2', '1.00');
    // The number that stands in the log is used: the run takes a higher one.
    expect((await run()).generation).toBe(2);
    expect(await system.revenue('anna')).toBe('2.00');
  });

  it('heals a damaged row when it is a full one', async () => {
    await system.place('anna', 'o-1', '10.00');
    await run();
    const { views, definition } = system.context;
    const [rows] = await views.read(['anna'], { generation: 1, excluded: [] }, null);
    const state = rows?.batch?.state ?? [];
    const damaged = definition.columns.map(({ name }, index) =>
      name === 'total_revenue' ? 1n : (state[index] ?? null),
    );
    await views.writeBatch([{ customerId: 'anna', generation: 1, state: damaged }]);
    await views.writeBatch([{ customerId: 'phantom', generation: 1, state: damaged }]);
    await run();
    expect(await system.revenue('anna')).toBe('0.01');
    await run({ full: true });
    expect(await system.revenue('anna')).toBe('10.00');
    expect(await system.revenue('phantom')).toBeNull();
  });

  it('is one at a time', async () => {
    await system.place('anna', 'o-1', '1.00');
    const outcomes = await Promise.allSettled([run(), run()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'TIDEMARK_BATCH_BUSY' });
  });

  it('ends where it is when the right to run is lost, and the next goes on with it', async () => {
    await system.place('anna', 'o-1', '1.00');
    const lost = new AbortController();
    const lock = { isHeld: () => !lost.signal.aborted, lost: lost.signal, release: async () => {} };
    const catalog = { ...system.context.catalog, acquireRunLock: async () => lock };
    // At the engine's first statement, which is told from outside of the run.
    system.onProgress = ({ detail }) => detail.startsWith('scan') && lost.abort();
    await expect(runBatch({ ...system.context, catalog })).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_LOCK_LOST' });
    system.onProgress = () => {};
    expect(await system.context.views.pointer()).toBeNull();
    expect(await run()).toMatchObject({ generation: 1, status: 'published', resumed: true });
  });

  it('covers the imports numbered before its cut was frozen', async () => {
    const imported = { event_type: 'order_placed', customer_id: 'anna', order_id: 'i-1', total_amount: '3.00' };
    await system.import([imported]);
    await run();
    expect(await system.revenue('anna')).toBe('3.00');
    await system.import([{ ...imported, total_amount: '4.00' }]);
    await run();
    expect(await system.revenue('anna')).toBe('4.00');
  });

  it('says that the log was swapped before it appends or lands anything', async () => {
    await system.place('anna', 'o-1', '1.00');
    await run();
    const { log } = system.context;
    const before = await log.bounds();
    await expect(runBatch({ ...system.context, log: identifiedBy(async () => 'another') })).rejects.toMatchObject({
      code: 'TIDEMARK_BATCH_LOG_CHANGED',
    });
    expect((await listGenerations(system.context, 1))[0]).toMatchObject({ status: 'failed' });
    expect(await log.bounds()).toEqual(before);
    await run();
    expect(await system.revenue('anna')).toBe('1.00');
  });

  it('publishes nothing when the log is made anew after it was landed', async () => {
    await system.place('anna', 'o-1', '1.00');
    let isRemade = false;
    const log = identifiedBy(async () => (isRemade ? 'another' : system.context.log.identity()));
    const progress: BatchContext['progress'] = ({ step }) => {
      isRemade = step === 'validate';
    };
    await expect(runBatch({ ...system.context, log, progress })).rejects.toMatchObject({
      code: 'TIDEMARK_BATCH_LOG_CHANGED',
    });
    expect(isRemade).toBe(true);
    expect(await system.context.views.pointer()).toBeNull();
  });

  it('says that the log is not the one that was folded, though nothing was landed yet', async () => {
    await system.place('anna', 'o-1', '1.00');
    const { log, views } = system.context;
    await views.writePosition(1, { offset: 7n, epoch: 0, previousEpoch: null, fingerprint: 'x', logId: 'another' });
    const before = await log.bounds();
    await expect(runBatch(system.context)).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_LOG_CHANGED' });
    expect(await log.bounds()).toEqual(before);
  });
});

describe('generations', () => {
  it('are gone back to, and publishing rests until it is told to go on', async () => {
    await system.place('anna', 'o-1', '1.00');
    await run();
    await system.place('anna', 'o-2', '1.00');
    await run();
    expect(await rollback(system.context, null)).toBe(1);
    expect(await system.revenue('anna')).toBe('1.00');
    expect(await run()).toMatchObject({ generation: 3, status: 'kept', reason: 'publishing is paused' });
    expect(await system.revenue('anna')).toBe('1.00');
    expect(await resumePublishing(system.context)).toBe(3);
    expect(await system.revenue('anna')).toBe('2.00');
    // Generation 2 is no ancestor of 3: its rows are never read again.
    expect((await system.context.views.pointer())?.excluded).toEqual([2]);
  });

  it('that were gone back from are not published again by a process that had lost its right to run', async () => {
    await system.place('anna', 'o-1', '1.00');
    await run();
    await system.place('anna', 'o-2', '1.00');
    const { generation } = await run();
    await rollback(system.context, null);
    await resumePublishing(system.context);
    const { catalog, views } = system.context;
    const stale = await catalog.run(generation);
    if (!stale?.cut) throw new Error('the run has no cut');
    expect(await publish(system.context, { ...stale, cut: stale.cut }, false)).toMatchObject({ kind: 'kept' });
    expect((await views.pointer())?.generation).toBe(1);
  });

  it('are no first one of their definition once a later run has begun, from whose cut its deltas may be filled', async () => {
    await system.place('anna', 'o-1', '1.00');
    const { catalog, clock, views } = system.context;
    const markBegan: typeof catalog.markBegan = async (...began) => {
      const hasBegun = await catalog.markBegan(...began);
      await catalog.beginRun({
        definition: 'feedfacefeedface',
        partitions: [0],
        atMs: clock.now(),
        above: 0,
        lastImport: async () => 0,
      });
      return hasBegun;
    };
    const outcome = await runBatch({ ...system.context, catalog: { ...catalog, markBegan } });
    expect(outcome).toMatchObject({ status: 'kept', reason: expect.stringContaining('later run') });
    expect(await views.pointer()).toBeNull();
    expect((await run()).generation).toBe(outcome.generation + 2);
  });

  it('are kept as many as was said, and only then cleaned, when no reader can hold them any more', async () => {
    for (let n = 1; n <= 4; n++) {
      await system.place('anna', `o-${n}`, '1.00');
      await run();
    }
    const { views } = system.context;
    expect((await views.pointer())?.floor).toBe(3);
    const versions = async () => (await views.versions({ after: null, limit: 10 })).rows[0]?.generations;
    // The floor 2 was raised by run 3 and had stood for a minute in run 4: what it allows is gone, the floor 3 waits.
    expect(await versions()).toEqual([2, 3, 4]);
    await run();
    expect(await versions()).toEqual([3, 4]);
    await expect(rollback(system.context, 2)).rejects.toMatchObject({ code: 'TIDEMARK_BATCH_NO_GENERATION' });
  });

  it('that were gone back to are kept, and gone back to again, rather than those gone back from', async () => {
    for (let n = 1; n <= 3; n++) {
      await system.place('anna', `o-${n}`, '1.00');
      await run();
    }
    await rollback(system.context, null);
    await resumePublishing(system.context);
    expect((await run()).generation).toBe(4);
    expect(await rollback(system.context, null)).toBe(2);
  });

  it('keep the row from below the floor that their lineage still takes', async () => {
    // Five quick runs, so that no floor stands long enough: both of its versions are below the first one that does.
    for (let n = 1; n <= 5; n++) {
      if (n <= 2) await system.place('quiet', `o-${n}`, '4.00');
      await system.place('anna', `o-${n}`, '1.00');
      system.clock.advance(1_000);
      await runBatch(system.context);
    }
    await run();
    const { rows } = await system.context.views.versions({ after: null, limit: 10 });
    expect(rows.map(({ customerId, generations }) => [customerId, generations])).toEqual([['anna', [4, 5]]]);
    expect(await system.revenue('quiet')).toBe('8.00');
    await rollback(system.context, null);
    expect([await system.revenue('quiet'), await system.revenue('anna')]).toEqual(['8.00', '5.00']);
  });

  it('leave the deltas of the epoch before the floor, whose ids tell repeats, though numbers skip', async () => {
    const { views, catalog, definition, clock } = system.context;
    await run();
    await run();
    const keys = [1, 2].map((epoch) => ({ customerId: 'anna', epoch, partition: 0 }));
    await views.writeTouched(keys);
    const { state } = emptyDelta(definition);
    await views.writeDeltas(keys.map((key) => ({ ...key, lastOffset: 0n, ids: new Uint8Array(), state })));
    // Of another definition, and dead before its barrier.
    const frozen = { partitions: [0, 1], atMs: clock.now(), above: 0, lastImport: async () => 0 };
    expect((await catalog.beginRun({ definition: 'another', ...frozen })).generation).toBe(3);
    for (const generation of [4, 5, 6]) expect((await run()).generation).toBe(generation);
    // In run 6 what is below the floor 4 was cleaned away, but for the epoch before it.
    expect(await views.touchedBelow(0, 4, 10)).toMatchObject([{ customerId: 'anna', epoch: 2 }]);
    expect((await views.loadDeltas(keys)).map(({ epoch }) => epoch)).toEqual([2]);
  });

  it('below a floor that has only just been raised stay', async () => {
    for (let n = 1; n <= 4; n++) {
      await system.place('anna', `o-${n}`, '1.00');
      system.clock.advance(1_000);
      await runBatch(system.context);
    }
    expect((await system.context.views.versions({ after: null, limit: 10 })).rows[0]?.generations).toEqual([
      1, 2, 3, 4,
    ]);
  });
});

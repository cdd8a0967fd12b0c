import { TidemarkError } from '@tidemark/contracts';
import { barrierRecord, type LogRecord } from '@tidemark/log';
import { define, mergeView } from '@tidemark/metrics';
import type { Views } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type FoldStore, retrying } from './fold-store.ts';
import { PartitionFold } from './partition-fold.ts';

const definition = define('USD');
const text = new TextEncoder();

let views: Views;
let writes: string[];

beforeEach(async () => {
  views = await openMemoryViews().open(definition);
  writes = [];
});

/** The views, with each write noted as it is acknowledged. */
const noted = (): FoldStore => ({
  pointer: () => views.pointer(),
  positions: () => views.positions(),
  loadDeltas: (keys) => views.loadDeltas(keys),
  writeTouched: async (keys) => {
    await views.writeTouched(keys);
    writes.push(`touched ${keys.map(({ epoch }) => epoch).join(',')}`);
  },
  writeDeltas: async (rows) => {
    await views.writeDeltas(rows);
    writes.push(`rows of epoch ${[...new Set(rows.map(({ epoch }) => epoch))].join(',')}`);
  },
  writeDeadLetters: async (letters) => {
    await views.writeDeadLetters(letters);
    writes.push('dead letters');
  },
  writePosition: async (partition, position) => {
    await views.writePosition(partition, position);
    writes.push(`position ${position.offset}`);
  },
});

const foldOn = (store: FoldStore, cacheLimit = 100) =>
  new PartitionFold({ definition, views: store, partition: 0, logId: 'log', position: null, cacheLimit });

const record = (offset: number, value: Uint8Array | null, headers: LogRecord['headers'] = {}): LogRecord => ({
  partition: 0,
  offset: BigInt(offset),
  key: null,
  value,
  headers,
  timestampMs: 0,
});

const barrier = (offset: number, generation: number): LogRecord =>
  record(offset, null, barrierRecord(generation, 1, 0).headers ?? {});

const opened = (offset: number, customer: string, eventId = `e-${offset}`): LogRecord =>
  record(
    offset,
    text.encode(
      JSON.stringify({
        event_id: eventId,
        event_type: 'email_open',
        customer_id: customer,
        occurred_at: '2026-01-02T03:04:05Z',
        campaign_id: 'k',
      }),
    ),
  );

/** The store, whose first write of rows waits to be let through. */
function gated(store: FoldStore) {
  const gate = { open: () => {}, arrive: () => {} };
  const opened = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    gate.arrive = resolve;
  });
  const waiting: FoldStore = {
    ...store,
    writeDeltas: async (rows) => {
      gate.arrive();
      await opened;
      await store.writeDeltas(rows);
    },
  };
  return { store: waiting, open: () => gate.open(), reached: () => arrived };
}

async function opens(customer: string): Promise<unknown> {
  const [rows] = await views.read([customer], null, null);
  return mergeView(definition, rows?.deltas.map(({ state }) => state) ?? [], 0).metrics.email_opens;
}

describe('a partition’s fold', () => {
  it('writes markers, older epochs, newer epochs, dead letters and the position, in this order', async () => {
    const fold = foldOn(noted());
    await fold.fold([
      opened(0, 'anna'),
      barrier(1, 3),
      opened(2, 'anna'),
      record(3, text.encode('?')),
      barrier(4, 5),
      opened(5, 'anna'),
    ]);
    await fold.flush();
    expect(writes).toEqual([
      'touched 0,3,5',
      'rows of epoch 0',
      'rows of epoch 3',
      'rows of epoch 5',
      'dead letters',
      'position 5',
    ]);
    expect(await views.positions()).toMatchObject(new Map([[0, { offset: 5n, epoch: 5, previousEpoch: 3 }]]));
  });

  it('leaves out a repeat of its own epoch and of the one before, by the partition’s own sequence', async () => {
    const fold = foldOn(noted());
    await fold.fold([opened(0, 'anna', 'x'), opened(1, 'anna', 'x'), barrier(2, 7), opened(3, 'anna', 'x')]);
    await fold.flush();
    expect(await opens('anna')).toBe(1);
    // Entered again in epoch 7, it is known in epoch 9 too; epoch 11 no longer remembers epoch 7.
    await fold.fold([barrier(4, 9), opened(5, 'anna', 'y'), barrier(6, 11), opened(7, 'anna', 'x')]);
    await fold.flush();
    expect(await opens('anna')).toBe(3);
  });

  it('ignores a barrier numbered at or below the last one', async () => {
    const fold = foldOn(noted());
    await fold.fold([barrier(0, 4), opened(1, 'anna'), barrier(2, 4), barrier(3, 2), opened(4, 'anna')]);
    await fold.flush();
    const [rows] = await views.read(['anna'], null, null);
    expect(rows?.deltas.map(({ epoch, lastOffset }) => [epoch, lastOffset])).toEqual([[4, 4n]]);
  });

  it('counts records once however often they are delivered, by whoever', async () => {
    const records = [opened(0, 'anna'), opened(1, 'berta'), barrier(2, 1), opened(3, 'anna')];
    const first = foldOn(noted());
    await first.fold(records);
    await first.flush();
    const second = foldOn(noted());
    await second.fold(records);
    await second.flush();
    expect([await opens('anna'), await opens('berta')]).toEqual([2, 1]);
  });

  it('holds no more customers than it was told, whatever passes through', async () => {
    const fold = foldOn(noted(), 50);
    for (let page = 0; page < 20; page++) {
      await fold.fold(Array.from({ length: 100 }, (_, n) => opened(page * 100 + n, `c-${page}-${n}`)));
      await fold.flush();
      expect(fold.held).toBeLessThanOrEqual(50);
    }
    expect(await opens('c-0-0')).toBe(1);
    await fold.fold([opened(2_000, 'c-0-0')]);
    await fold.flush();
    expect(await opens('c-0-0')).toBe(2);
  });

  it('asks the store for nothing of an epoch that began with it, until it had to let something of it go', async () => {
    const asked: number[] = [];
    const store: FoldStore = {
      ...noted(),
      loadDeltas: (keys) => {
        asked.push(...keys.map(({ epoch }) => epoch));
        return views.loadDeltas(keys);
      },
    };
    const fold = foldOn(store, 5);
    await fold.fold([opened(0, 'anna'), barrier(1, 2), opened(2, 'berta')]);
    await fold.flush();
    // Of epoch 0 it knows only what it has seen itself.
    expect(asked).toEqual([0, 0]);
    await fold.fold([barrier(3, 4), opened(4, 'anna'), opened(5, 'berta')]);
    await fold.flush();
    expect(asked).toHaveLength(2);
    for (let n = 0; n < 6; n++) await fold.fold([opened(6 + n, `c-${n}`)]);
    await fold.flush();
    await fold.fold([opened(12, 'berta')]);
    await fold.flush();
    expect(asked).toContain(4);
    expect([await opens('anna'), await opens('berta')]).toEqual([2, 3]);
  });

  it('leaves what another one has folded further of its epoch, and comes to the same', async () => {
    const records = [
      barrier(0, 3),
      opened(1, 'anna'),
      opened(2, 'anna', 'x'),
      opened(3, 'anna', 'x'),
      opened(4, 'anna'),
    ];
    const ahead = foldOn(noted());
    await ahead.fold(records);
    await ahead.flush();
    const rowsOfAnna = async () => (await views.read(['anna'], null, null))[0]?.deltas;
    const theirs = await rowsOfAnna();
    const behind = foldOn(noted());
    for (const record of records) {
      await behind.fold([record]);
      await behind.flush();
      expect(await rowsOfAnna()).toEqual(theirs);
    }
    await behind.fold([opened(5, 'anna')]);
    await behind.flush();
    expect(await opens('anna')).toBe(4);
  });

  it('folds on while a flush writes what was folded before it, and no more', async () => {
    const gate = gated(noted());
    const fold = foldOn(gate.store, 1);
    await fold.fold([opened(0, 'anna'), record(1, text.encode('?'))]);
    const flushed = fold.flush();
    await gate.reached();
    expect([fold.pending, fold.gathered]).toEqual([2, 1]);
    // More than it may hold: who is let go while his row is being written must not be read from the store before it is there.
    await fold.fold([
      opened(2, 'anna'),
      opened(3, 'berta'),
      opened(4, 'carla'),
      opened(5, 'anna'),
      record(6, text.encode('?')),
    ]);
    gate.open();
    await flushed;
    expect(await opens('anna')).toBe(1);
    expect((await views.positions()).get(0)?.offset).toBe(1n);
    expect(await views.countDeadLetters()).toEqual(new Map([['invalid_json', 1n]]));
    await fold.flush();
    expect([await opens('anna'), await opens('berta'), await opens('carla')]).toEqual([3, 1, 1]);
    expect((await views.positions()).get(0)?.offset).toBe(6n);
    expect(await views.countDeadLetters()).toEqual(new Map([['invalid_json', 2n]]));
  });

  it('names the epoch that a flush began in, though a barrier came meanwhile', async () => {
    const gate = gated(noted());
    const fold = foldOn(gate.store);
    await fold.fold([opened(0, 'anna')]);
    const flushed = fold.flush();
    await gate.reached();
    await fold.fold([barrier(1, 3)]);
    gate.open();
    await flushed;
    expect((await views.positions()).get(0)).toMatchObject({ offset: 0n, epoch: 0, previousEpoch: null });
  });

  it('writes with the next flush what one that failed did not, before its position', async () => {
    let isDown = true;
    const store: FoldStore = {
      ...noted(),
      writeDeltas: async (rows) => {
        if (isDown) throw new Error('away');
        await views.writeDeltas(rows);
      },
    };
    const fold = foldOn(store, 1);
    await fold.fold([opened(0, 'anna'), opened(1, 'berta')]);
    await expect(fold.flush()).rejects.toThrow('away');
    await fold.fold([opened(2, 'carla'), opened(3, 'anna')]);
    isDown = false;
    await fold.flush();
    expect([await opens('anna'), await opens('berta'), await opens('carla')]).toEqual([2, 1, 1]);
    expect((await views.positions()).get(0)?.offset).toBe(3n);
  });

  it('rides out an outage of the store without losing its place', async () => {
    let failures = 3;
    const failing: FoldStore = {
      ...noted(),
      writeDeltas: async (rows) => {
        if (failures-- > 0) throw new TidemarkError('TIDEMARK_TEST_OUTAGE', 'not now', { retryable: true });
        await views.writeDeltas(rows);
      },
    };
    const fold = foldOn(retrying(failing, { initialDelayMs: 1, maxDelayMs: 2 }));
    await fold.fold([opened(0, 'anna')]);
    await fold.flush();
    expect(await opens('anna')).toBe(1);
  });
});

import { fingerprint, type LogRecord } from '@tidemark/log';
import { MemoryTopic, openMemoryLog } from '@tidemark/log/testing';
import { define } from '@tidemark/metrics';
import { manualClock } from '@tidemark/runtime';
import { publishNext, type Views } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { beforeEach, expect, it } from 'vitest';
import type { FillFrom } from './fill-start.ts';
import { SpeedLayer } from './speed-layer.ts';

const definition = define('USD');
const clock = manualClock(Date.UTC(2026, 4, 1));

let topic: MemoryTopic;
let views: Views;

beforeEach(async () => {
  topic = new MemoryTopic(2, clock);
  views = await openMemoryViews().open(definition);
});

const appended = (): LogRecord => topic.append({ partition: 0, value: new Uint8Array([1]), key: null });

/** A member of the group folds up to a record. */
const folded = async (record: LogRecord): Promise<void> =>
  views.writePosition(0, {
    offset: record.offset,
    epoch: 0,
    previousEpoch: null,
    fingerprint: fingerprint(record),
    logId: topic.identity,
  });

type Given = {
  readonly partition?: number;
  /** Happens as soon as the log or the views have answered for the first time. */
  readonly meanwhile?: () => Promise<void>;
  readonly fillFrom?: FillFrom;
};

/** Takes a partition. */
function assigned({ partition = 0, meanwhile = async () => {}, fillFrom }: Given = {}): Promise<bigint> {
  let hasHappened = false;
  const once = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    if (!hasHappened) {
      hasHappened = true;
      await meanwhile();
    }
    return value;
  };
  const log = openMemoryLog(topic);
  const layer = new SpeedLayer({
    log: { ...log, bounds: () => once(log.bounds()) },
    views: {
      pointer: () => views.pointer(),
      positions: () => once(views.positions()),
      loadDeltas: (keys) => views.loadDeltas(keys),
      writeTouched: (keys) => views.writeTouched(keys),
      writeDeltas: (rows) => views.writeDeltas(rows),
      writeDeadLetters: (letters) => views.writeDeadLetters(letters),
      writePosition: (partition, position) => views.writePosition(partition, position),
    },
    definition,
    ...(fillFrom ? { fillFrom: async () => fillFrom } : {}),
    clock,
    gatherMs: 0,
    stateCache: 1,
  });
  return layer.assigned(partition);
}

it('goes on behind the position that others have moved, though what it would have read first is truncated by then', async () => {
  const records = Array.from({ length: 6 }, appended);
  await folded(records[1] as LogRecord);
  const meanwhile = async () => {
    await folded(records[5] as LogRecord);
    topic.truncate(0, 4n);
  };
  const next = await assigned({ meanwhile });
  expect(next).toBe(6n);
});

it('says that records were lost when the log begins behind the position', async () => {
  const records = Array.from({ length: 6 }, appended);
  await folded(records[1] as LogRecord);
  topic.truncate(0, 4n);
  await expect(assigned()).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_GAP' });
});

it('folds nothing of another log, nor in a partition of which nothing was folded before', async () => {
  await folded(appended());
  topic.remake('another');
  topic.append({ partition: 1, value: new Uint8Array([1]), key: null });
  for (const partition of [0, 1])
    await expect(assigned({ partition })).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_OTHER_LOG' });
});

it('folds nothing onto a generation of another log, be it its own or the one that it is filled from', async () => {
  const live = publishNext(null, {
    generation: 1,
    base: null,
    logId: topic.identity,
    cut: { partitions: new Map([[0, appended().offset]]), imports: 0 },
    began: [1],
    barrierAtMs: clock.now(),
    publishedAtMs: clock.now(),
  });
  expect(await assigned({ fillFrom: live })).toBe(0n);
  topic.remake('another');
  expect(await assigned()).toBe(0n);
  await expect(assigned({ fillFrom: live })).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_OTHER_LOG' });
  await views.compareAndSetPointer(null, live);
  await expect(assigned()).rejects.toMatchObject({ code: 'TIDEMARK_SPEED_OTHER_LOG' });
});

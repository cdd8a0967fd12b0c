import { setTimeout as pause } from 'node:timers/promises';
import type { Append, EventLog } from '@tidemark/log';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { type Bench, type Figures, type Place, quantile, ratioAtMost, scaled } from './bench.ts';
import { zipf } from './events.ts';
import { mixedRecords } from './mixed-events.ts';
import { expectSameRows } from './same-rows.ts';
import { StreamsPeer } from './streams-peer.ts';
import { costOf, PARTITIONS, type Side, withPeer, withSpeedLayer } from './streams-sides.ts';

const EVENTS = 60_000;
const CUSTOMERS = 10_000;
const PER_SECOND = 2_000;
const APPEND_EVERY_MS = 50;
const LOOK_EVERY_MS = 10;
/** Until code is compiled and groups are joined, in which nothing is counted. */
const WARM_EVENTS = 0.2;

/**
 * The speed layer level with a topic that grows by 2,000 events a second, against a Kafka Streams application that writes the
 * same rows: how long after it is acknowledged an event is taken in for good, the slowest of a hundred, and the CPU time.
 */
export const steadyStreamsBench: Bench = {
  name: 'speed-streams-steady-p99',
  unit: 'ms',
  against: 'Kafka Streams, rows in Cassandra',
  goal: ratioAtMost(1),
  beside: [
    {
      name: 'speed-streams-steady-cpu',
      unit: 'µs CPU/event',
      against: 'Kafka Streams, rows in Cassandra',
      goal: ratioAtMost(1),
    },
  ],
  serversOnly: true,
  peer: { prepare: () => StreamsPeer.prepare() },
  async run(place) {
    const definition = define('USD');
    const records = mixedRecords(scaled(EVENTS, place), zipf(scaled(CUSTOMERS, place)));
    const [viewsUrl, peerUrl] = [await place.views(), await place.views()];
    const [store, peerStore] = [await openViews(viewsUrl), await openViews(peerUrl)];
    try {
      const views = await store.open(definition);
      const ours = await onNewLog(place, (log, logUrl) =>
        withSpeedLayer(logUrl, viewsUrl, views, (side) => grow(log, records, side)),
      );
      const peerViews = await peerStore.open(definition);
      const theirs = await onNewLog(place, (log, logUrl) =>
        withPeer(place, { logUrl, viewsUrl: peerUrl, definition: definition.id, rows: true }, (side) =>
          grow(log, records, side),
        ),
      );
      await expectSameRows(views, peerViews);
      const cpu: Figures = { value: ours.cpuPerEvent, baseline: theirs.cpuPerEvent };
      return {
        value: ours.p99Ms,
        baseline: theirs.p99Ms,
        beside: Number.isNaN(cpu.value + cpu.baseline) ? {} : { 'speed-streams-steady-cpu': cpu },
      };
    } finally {
      await Promise.all([store.close(), peerStore.close()]);
    }
  },
};

/** Each side has a topic of its own, which is empty when it begins. */
async function onNewLog<T>(place: Place, work: (log: EventLog, logUrl: string) => Promise<T>): Promise<T> {
  const logUrl = await place.log();
  const log = await openLog(logUrl, { partitions: PARTITIONS });
  try {
    return await work(log, logUrl);
  } finally {
    await log.close();
  }
}

/** So many events had been acknowledged at this time. */
type Appended = { readonly count: number; readonly at: number };

/** Appends at the rate until all are taken in. Microseconds of CPU are NaN where the system does not tell. */
async function grow(
  log: EventLog,
  records: readonly Append[],
  { durable, pid }: Side,
): Promise<{ readonly p99Ms: number; readonly cpuPerEvent: number }> {
  const appended: Appended[] = [];
  const began = performance.now();
  const appending = (async () => {
    for (let sent = 0; sent < records.length; ) {
      const due = Math.min(records.length, Math.ceil(((performance.now() - began) / 1000) * PER_SECOND));
      if (due > sent) await log.append(records.slice(sent, due));
      sent = due;
      appended.push({ count: sent, at: performance.now() });
      await pause(APPEND_EVERY_MS);
    }
  })();
  const tookMs: number[] = [];
  const warm = records.length * WARM_EVENTS;
  let warmCpuMs: number | null = null;
  for (let [count, told] = [0, 0]; count < records.length; await pause(LOOK_EVERY_MS)) {
    count = await durable();
    const now = performance.now();
    if (count >= warm) warmCpuMs ??= costOf(pid).cpuMs;
    for (let next = appended[told]; next !== undefined && next.count <= count; next = appended[++told]) {
      if (next.count > warm) tookMs.push(now - next.at);
    }
  }
  await appending;
  const { cpuMs } = costOf(pid);
  const spentMs = cpuMs === null || warmCpuMs === null ? Number.NaN : cpuMs - warmCpuMs;
  return { p99Ms: quantile(tookMs, 0.99), cpuPerEvent: (spentMs * 1000) / (records.length - warm) };
}

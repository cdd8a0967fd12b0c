import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import type { Views } from '@tidemark/views';
import { openViews } from '@tidemark/views/open';
import kafkajs from 'kafkajs';
import { AppProcess, appMain } from './app-process.ts';
import { type Bench, type Figures, type Place, ratioAtLeast, ratioAtMost, scaled } from './bench.ts';
import { type CaughtUp, catchUpRate } from './catch-up-rate.ts';
import { cpuTime } from './cpu-time.ts';
import { type CustomerOf, chunks, uniform, zipf } from './events.ts';
import { mixedRecords } from './mixed-events.ts';
import { peakResident } from './peak-memory.ts';
import { expectSameRows } from './same-rows.ts';
import { StreamsPeer } from './streams-peer.ts';

const EVENTS = 200_000;
const CUSTOMERS = 10_000;
const PARTITIONS = 4;
const THREADS = 2;
/** As long as the speed layer lets deltas gather while it is level or nearly so: what keeps answers fresh. */
const COMMIT_MS = 200;

type Caught = CaughtUp & {
  /** Bytes at most, and milliseconds of CPU from its start on; null where the system does not tell. */
  readonly memory: number | null;
  readonly cpuMs: number | null;
};

/**
 * The speed layer's process from Kafka to Cassandra, catching up on a topic that is full, against a Kafka Streams
 * application that keeps the same states from the same topic: in its store and changelog alone, or as rows in Cassandra too.
 */
const bench = (name: string, customers: (count: number) => CustomerOf, rows: boolean, goal: number): Bench => {
  const against = rows ? 'Kafka Streams, rows in Cassandra' : 'Kafka Streams, its store alone';
  const [whole, memory, cpu] = [`${name}-whole`, `${name}-memory`, `${name}-cpu`];
  return {
    name,
    unit: 'events/s',
    against,
    goal: ratioAtLeast(goal),
    beside: [
      { name: whole, unit: 'events/s', against: `${against}, start too`, goal: ratioAtLeast(goal) },
      { name: memory, unit: 'MB resident', against, goal: ratioAtMost(0.5) },
      { name: cpu, unit: 'µs CPU/event', against: `${against}, start too`, goal: ratioAtMost(1) },
    ],
    serversOnly: true,
    peer: { prepare: () => StreamsPeer.prepare() },
    async run(place) {
      const { ours, theirs, events } = await round(place, customers, rows);
      const figures = (of: (caught: Caught) => number): Figures => ({ value: of(ours), baseline: of(theirs) });
      const told = (subject: string, of: (caught: Caught) => number | null) => {
        const [value, baseline] = [of(ours), of(theirs)];
        return value === null || baseline === null ? {} : { [subject]: { value, baseline } };
      };
      return {
        ...figures(({ rate }) => rate),
        beside: {
          [whole]: figures((caught) => caught.whole),
          ...told(memory, ({ memory: bytes }) => bytes && bytes / 1e6),
          ...told(cpu, ({ cpuMs }) => cpuMs && (cpuMs * 1000) / events),
        },
      };
    },
  };
};

export const speedStreamsBenches: readonly Bench[] = [
  bench('speed-streams-uniform', uniform, false, 1),
  bench('speed-streams-zipf', zipf, false, 1),
  bench('speed-streams-cassandra-uniform', uniform, true, 2),
  bench('speed-streams-cassandra-zipf', zipf, true, 2),
];

async function round(place: Place, customers: (count: number) => CustomerOf, rows: boolean) {
  const definition = define('USD');
  const logUrl = await place.log();
  const log = await openLog(logUrl, { partitions: PARTITIONS });
  const [viewsUrl, peerUrl] = [await place.views(), await place.views()];
  const [store, peerStore] = [await openViews(viewsUrl), await openViews(peerUrl)];
  try {
    const records = mixedRecords(scaled(EVENTS, place), customers(scaled(CUSTOMERS, place)));
    for (const batch of chunks(records, 4_000)) await log.append(batch);
    const views = await store.open(definition);
    const ours = await withSpeedLayer(logUrl, viewsUrl, views, records.length);
    const peerViews = await peerStore.open(definition);
    const theirs = await withPeer(place, logUrl, peerUrl, definition.id, rows, records.length);
    await expectSameRows(views, peerViews);
    return { ours, theirs, events: records.length };
  } finally {
    await Promise.all([log.close(), store.close(), peerStore.close()]);
  }
}

async function withSpeedLayer(logUrl: string, viewsUrl: string, views: Views, events: number): Promise<Caught> {
  const startedAt = performance.now();
  const app = await AppProcess.start(appMain('speed-layer'), {
    TIDEMARK_LOG_URL: logUrl,
    TIDEMARK_VIEWS_URL: viewsUrl,
    TIDEMARK_METRICS_PORT: '0',
  });
  const times = { startedAt, readyAt: performance.now() };
  try {
    // A position comes after its rows.
    const durable = async () =>
      [...(await views.positions()).values()].reduce((sum, { offset }) => sum + Number(offset) + 1, 0);
    return { ...(await catchUpRate(durable, events, times)), ...costOf(app.pid) };
  } finally {
    await app.stop();
  }
}

async function withPeer(
  place: Place,
  logUrl: string,
  viewsUrl: string,
  definition: string,
  rows: boolean,
  events: number,
): Promise<Caught> {
  const { host: brokers, pathname } = new URL(logUrl);
  const { host: contactPoint, searchParams } = new URL(viewsUrl);
  const [topic, application] = [pathname.slice(1), `${pathname.slice(1)}-streams`];
  const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const startedAt = performance.now();
  const peer = await StreamsPeer.start({
    brokers,
    topic,
    partitions: PARTITIONS,
    application,
    folder: await place.folder(),
    threads: THREADS,
    commitMs: COMMIT_MS,
    rows,
    table: {
      contactPoint,
      dataCenter: searchParams.get('dc') ?? '',
      name: `${searchParams.get('keyspace')}.delta_${definition}`,
    },
  });
  const times = { startedAt, readyAt: performance.now() };
  try {
    // Offsets are committed with the states, in one transaction; rows come before.
    const durable = async (): Promise<number> => {
      const [committed] = await admin.fetchOffsets({ groupId: application, topics: [topic] });
      return (committed?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    const caught = { ...(await catchUpRate(durable, events, times)), ...costOf(peer.pid) };
    await peer.show();
    return caught;
  } finally {
    await peer.stop();
    await admin.disconnect();
  }
}

const costOf = (pid: number): Pick<Caught, 'memory' | 'cpuMs'> => ({
  memory: peakResident(pid),
  cpuMs: cpuTime(pid)?.ownMs ?? null,
});

import type { Views } from '@tidemark/views';
import kafkajs from 'kafkajs';
import { AppProcess, appMain } from './app-process.ts';
import type { Place } from './bench.ts';
import { cpuTime } from './cpu-time.ts';
import { peakResident } from './peak-memory.ts';
import { StreamsPeer } from './streams-peer.ts';

/** Of the topics that both sides read. */
export const PARTITIONS = 4;
const THREADS = 2;
/** As long as the speed layer lets deltas gather while it is level or nearly so: what keeps answers fresh. */
const COMMIT_MS = 200;

/** A process that takes events in. */
export type Side = {
  /** How many events are taken in for good. */
  readonly durable: () => Promise<number>;
  /** Monotonic milliseconds: when it was started, and when it said that it was ready. */
  readonly startedAt: number;
  readonly readyAt: number;
  readonly pid: number;
};

/** Bytes at most, and milliseconds of CPU from its start on; null where the system does not tell. */
export type Cost = { readonly memory: number | null; readonly cpuMs: number | null };

export const costOf = (pid: number): Cost => ({ memory: peakResident(pid), cpuMs: cpuTime(pid)?.ownMs ?? null });

/** What is measured of Tidemark's speed layer, from the log into the views. */
export async function withSpeedLayer<T>(
  logUrl: string,
  viewsUrl: string,
  views: Views,
  measure: (side: Side) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const app = await AppProcess.start(appMain('speed-layer'), {
    TIDEMARK_LOG_URL: logUrl,
    TIDEMARK_VIEWS_URL: viewsUrl,
    TIDEMARK_METRICS_PORT: '0',
  });
  const readyAt = performance.now();
  try {
    // A position comes after its rows.
    const durable = async () =>
      [...(await views.positions()).values()].reduce((sum, { offset }) => sum + Number(offset) + 1, 0);
    return await measure({ durable, startedAt, readyAt, pid: app.pid });
  } finally {
    await app.stop();
  }
}

export type PeerOptions = {
  readonly logUrl: string;
  /** Where it shows its rows, or writes them as they change. */
  readonly viewsUrl: string;
  readonly definition: string;
  readonly rows: boolean;
};

/** What is measured of the Kafka Streams application on the same log. Its states are rows afterwards. */
export async function withPeer<T>(
  place: Place,
  { logUrl, viewsUrl, definition, rows }: PeerOptions,
  measure: (side: Side) => Promise<T>,
): Promise<T> {
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
  const readyAt = performance.now();
  try {
    // Offsets are committed with the states, in one transaction; rows come before.
    const durable = async (): Promise<number> => {
      const [committed] = await admin.fetchOffsets({ groupId: application, topics: [topic] });
      return (committed?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    const measured = await measure({ durable, startedAt, readyAt, pid: peer.pid });
    await peer.show();
    return measured;
  } finally {
    await peer.stop();
    await admin.disconnect();
  }
}

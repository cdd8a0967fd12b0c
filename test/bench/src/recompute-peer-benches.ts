import { dirname, join } from 'node:path';
import { openSession } from '@tidemark/duckdb';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { findJava } from '@tidemark/infra-local';
import { define, floorHour, KEPT_HOURS } from '@tidemark/metrics';
import { type Bench, duration, type Figures, type Place, ratioAtLeast, ratioAtMost, scaled } from './bench.ts';
import { writeLandedHistory } from './landed-history.ts';
import { childrenStartedWith, peakResident } from './peak-memory.ts';
import { Peer } from './peer.ts';
import { expectSameStates } from './same-states.ts';

const BARRIER_MS = Date.UTC(2026, 5, 1);
const THREADS = 2;

/** Those that the states are made from: a peer reads no others. */
const COLUMNS = {
  orders: ['key', 'kind', 'order_date', 'total_amount', 'cancelled'],
  refunds: ['key', 'kind', 'amount'],
  support_tickets: ['key', 'kind', 'category', 'priority', 'created_date', 'resolved_date'],
  marketing_events: ['engagement', 'campaign_id', 'event_date'],
  profiles: ['occurred_at', ...['segment', 'country', 'birth_year'].flatMap((field) => [field, `${field}_present`])],
};

/**
 * The full recompute against the same states from the same row files, made with what people make them with. A peer's
 * time is that of its work alone; beside it stands that of its whole process. Tidemark's holds the start of its engine.
 */
const bench = (name: string, title: string, events: number, peer: Peer): Bench => {
  const [whole, memory] = [`${name}-whole`, `${name}-memory`];
  return {
    name,
    unit: 'events/s',
    against: title,
    goal: ratioAtLeast(1),
    beside: [
      { name: whole, unit: 'events/s', against: `${title}, start too`, goal: ratioAtLeast(1) },
      { name: memory, unit: 'MB resident', against: title, goal: ratioAtMost(1) },
    ],
    embeddedOnly: true,
    peer,
    async run(place) {
      const { value, work, start, memory: resident } = await round(place, events, peer);
      return {
        value,
        baseline: work,
        beside: { [whole]: { value, baseline: start }, ...(resident && { [memory]: resident }) },
      };
    },
  };
};

/** Java 17 is the newest that Spark 3.5 is made for. One on the path is found by Spark too, once `JAVA_HOME` names no other. */
function sparkEnvironment(): Readonly<Record<string, string>> {
  const java = findJava(process.env, undefined, { who: 'Spark 3.5', newest: 17 });
  return { JAVA_HOME: java === 'java' ? '' : dirname(dirname(java)), SPARK_LOCAL_IP: '127.0.0.1' };
}

export const recomputePeerBenches: readonly Bench[] = [
  bench('recompute-pandas', 'pandas', 10_000_000, new Peer('pandas')),
  // Fewer, or its rounds would take longer than all other benches together.
  bench('recompute-spark', `Spark 3.5 local[${THREADS}]`, 2_000_000, new Peer('spark', sparkEnvironment)),
];

type Round = {
  /** Events a second: Tidemark, the peer's work, the peer's whole process. */
  readonly value: number;
  readonly work: number;
  readonly start: number;
  readonly memory: Figures | null;
};

async function round(place: Place, events: number, peer: Peer): Promise<Round> {
  const folder = await place.folder();
  const limits = { memoryLimit: '2GB', threads: THREADS, tempFolder: join(folder, 'spill') };
  const definition = define('USD');
  const snapshot = join(folder, 'snapshot.parquet');
  const session = await openSession(limits);
  try {
    const { rows, records } = await writeLandedHistory(session, folder, scaled(events, place), BARRIER_MS);
    const engine = openDuckDbEngine(limits);
    let ownMs: number;
    let ownMemory: number | null;
    try {
      ownMs = await duration(() =>
        engine.recompute({ currency: 'USD', definitionId: definition.id, barrierAtMs: BARRIER_MS, rows, snapshot }),
      );
      ownMemory = enginePeak();
    } finally {
      await engine.close();
    }
    const states = join(folder, 'peer');
    const { workMs, wholeMs, peakMemory } = await peer.run({
      rows,
      columns: COLUMNS,
      oldestHour: floorHour(BARRIER_MS) - KEPT_HOURS,
      threads: THREADS,
      memory: '2g',
      scratch: limits.tempFolder,
      states,
    });
    await expectSameStates(session, definition, snapshot, states);
    const perSecond = (ms: number) => (records / ms) * 1000;
    const megabytes = (bytes: number) => bytes / 1e6;
    return {
      value: perSecond(ownMs),
      work: perSecond(workMs),
      start: perSecond(wholeMs),
      memory:
        ownMemory !== null && peakMemory !== null
          ? { value: megabytes(ownMemory), baseline: megabytes(peakMemory) }
          : null,
    };
  } finally {
    session.close();
  }
}

/** What the engine's process had resident at most. */
function enginePeak(): number | null {
  const [pid] = childrenStartedWith('engine-process');
  return pid === undefined ? null : peakResident(pid);
}

import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { openViews } from '@tidemark/views/open';
import { type Bench, type Figures, type Place, ratioAtLeast, ratioAtMost, scaled } from './bench.ts';
import { type CaughtUp, catchUpRate } from './catch-up-rate.ts';
import { type CustomerOf, chunks, uniform, zipf } from './events.ts';
import { mixedRecords } from './mixed-events.ts';
import { expectSameRows } from './same-rows.ts';
import { StreamsPeer } from './streams-peer.ts';
import { type Cost, costOf, PARTITIONS, type Side, withPeer, withSpeedLayer } from './streams-sides.ts';

const EVENTS = 200_000;
const CUSTOMERS = 10_000;

type Caught = CaughtUp & Cost;

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
    const caughtUp = async (side: Side): Promise<Caught> => ({
      ...(await catchUpRate(side.durable, records.length, side)),
      ...costOf(side.pid),
    });
    const ours = await withSpeedLayer(logUrl, viewsUrl, views, caughtUp);
    const peerViews = await peerStore.open(definition);
    const theirs = await withPeer(place, { logUrl, viewsUrl: peerUrl, definition: definition.id, rows }, caughtUp);
    await expectSameRows(views, peerViews);
    return { ours, theirs, events: records.length };
  } finally {
    await Promise.all([log.close(), store.close(), peerStore.close()]);
  }
}

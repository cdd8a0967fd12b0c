import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CassandraCluster, type KafkaCluster, startCassandra, startKafka } from '@tidemark/infra-local';
import { cassandraOfRun, eventually, kafkaOfRun } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeployedSystem, onKafkaAndCassandra } from './system/deployed-system.ts';
import type { SteadyReader } from './system/reader.ts';
import { say, underLoad } from './system/under-load.ts';

const PATIENT_MS = 180_000;
/** What a speed layer may have in hand: five thousand changed rows bring a flush, and a batch has a thousand records. */
const MAX_PENDING_ROWS = 3 * 6_000;
const MAX_GROWTH_BYTES = 300 * 1024 * 1024;
const BACKLOG = 20_000;

/** Servers of these tests' own, that are killed; the system has to live with it. */
describe.skipIf(kafkaOfRun() === null || cassandraOfRun() === null)('servers that fail under load', () => {
  let kafka: KafkaCluster;
  let cassandra: CassandraCluster;
  let system: DeployedSystem;
  beforeAll(async () => {
    const folder = (name: string) => mkdtempSync(join(tmpdir(), `tidemark-faults-${name}-`));
    [kafka, cassandra] = await Promise.all([
      startKafka({ folder: folder('kafka'), temporary: true, settings: { 'broker.session.timeout.ms': '4000' } }),
      startCassandra({ folder: folder('cassandra'), temporary: true, commitlogSync: 'batch' }),
    ]);
    const stores = await onKafkaAndCassandra(kafka.addresses.join(','), cassandra.addresses.join(','));
    system = await DeployedSystem.start({ stores });
  });
  afterAll(async () => {
    await system?.end();
    await Promise.all([kafka?.stop(), cassandra?.stop()]);
  });

  /** Offsets that no speed layer has folded yet. */
  async function lag(): Promise<number> {
    const values = await Promise.all(
      system.speedLayers.map((app) => system.metricOf(app, 'tidemark_speed_lag_records')),
    );
    return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  }

  const lagIsOver = (records: number) =>
    eventually(`the lag grows over ${records}`, PATIENT_MS, async () => ((await lag()) > records ? true : null));

  const readsFail = (reader: SteadyReader) =>
    eventually('reads are refused', PATIENT_MS, () => (reader.failures.length > 3 ? true : null));

  /** Resolves when answers come again; how long that took. */
  async function answersAgain(reader: SteadyReader): Promise<number> {
    const [began, before] = [performance.now(), reader.answers];
    await eventually('answers come again', PATIENT_MS, () => (reader.answers > before + 10 ? true : null));
    return Math.round(performance.now() - began);
  }

  test('a broker that is killed and comes back costs no answer and no event', () =>
    underLoad(system, async (writer, reader) => {
      await writer.acknowledges(200);
      await kafka.kill(1);
      await answersAgain(reader);
      await kafka.start(1);
      await writer.acknowledges(300);
      await system.sharesAreFair(4);
    }));

  test('a Cassandra that is killed and comes back costs no event; meanwhile reads are refused with a code', () =>
    underLoad(
      system,
      async (writer, reader) => {
        await writer.acknowledges(200);
        const run = system.startBatch();
        await run.reaches('recompute');
        await cassandra.kill(1);
        await readsFail(reader);
        const during = await lag();
        await writer.acknowledges(600);
        await lagIsOver(during);
        await cassandra.start(1);
        say(`answers came again ${await answersAgain(reader)} ms after Cassandra answered`);
        // The run that was under way may have failed; the next goes on with it.
        say(`the run under way ended with ${(await run.result()).code}`);
        await writer.acknowledges(200);
        await system.sharesAreFair(4);
      },
      { outage: true },
    ));

  test('a Cassandra that hangs holds the speed layers back in bounds, and they catch up', () =>
    underLoad(
      system,
      async (writer, reader) => {
        await writer.acknowledges(200);
        const memory = () =>
          Promise.all(system.speedLayers.map((app) => system.metricOf(app, 'process_resident_memory_bytes')));
        const before = await memory();
        cassandra.pause(1);
        try {
          await append(BACKLOG);
          await readsFail(reader);
          await writer.acknowledges(400);
          await lagIsOver(BACKLOG / 2);
          for (const app of system.speedLayers) {
            expect(await system.metricOf(app, 'tidemark_speed_pending_rows')).toBeLessThan(MAX_PENDING_ROWS);
          }
          const grown = (await memory()).map((bytes, nth) => (bytes ?? 0) - (before[nth] ?? 0));
          say(`speed layers of ${before.map(inMb).join(' and ')} MB grew by ${grown.map(inMb).join(' and ')} MB`);
          expect(Math.max(...grown)).toBeLessThan(MAX_GROWTH_BYTES);
        } finally {
          cassandra.resume(1);
        }
        say(`answers came again ${await answersAgain(reader)} ms after Cassandra went on`);
        const began = performance.now();
        await eventually('the backlog is folded', PATIENT_MS, async () => ((await lag()) < 1_000 ? true : null)).catch(
          (error: Error) => {
            const tails = system.speedLayers.map((app) => `${app.name}, ended ${app.hasEnded}:\n${app.tail()}`);
            throw new Error(`${error.message}: ${tails.join('\n')}`);
          },
        );
        say(`a backlog of ${BACKLOG} was folded in ${Math.round(performance.now() - began)} ms`);
      },
      { outage: true },
    ));

  const inMb = (bytes: number | null): number => Math.round((bytes ?? 0) / 1024 / 1024);

  /** A pile of events at once, of customers that nobody else has. */
  async function append(count: number): Promise<void> {
    const log = await openLog(system.logUrl);
    try {
      const event = (number: number) => ({
        event_id: `pile-${number}`,
        event_type: 'email_open',
        customer_id: `pile-${number % 1_000}`,
        occurred_at: '2026-01-05T10:00:00Z',
        campaign_id: 'pile',
      });
      const records = Array.from({ length: count }, (_, number) => ({
        key: Buffer.from(event(number).customer_id),
        value: Buffer.from(JSON.stringify(event(number))),
      }));
      await log.append(records);
    } finally {
      await log.close();
    }
  }

  test('all of it ends in order, and no process is left', () => system.stop());
});

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type CassandraCluster, type KafkaCluster, startCassandra } from '@tidemark/infra-local';
import { eventually } from '@tidemark/infra-local/testing';
import { Random } from '@tidemark/simulator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppProcess } from './system/app-process.ts';
import type { BatchRun } from './system/batch-run.ts';
import { DeployedSystem } from './system/deployed-system.ts';
import { startProxiedKafka, throughProxies } from './system/proxied-servers.ts';
import { appendOf, HEARTBEAT_REQUEST, POINTER_CHANGE, ROWS } from './system/requests.ts';
import { TcpProxy } from './system/tcp-proxy.ts';
import { say, underLoad } from './system/under-load.ts';

const MINUTES = Number(process.env.TIDEMARK_SOAK_MINUTES || 3);
/** Every so often everything has to be whole. */
const WHOLE_EVERY_MS = 90_000;
const SAY_EVERY_MS = 10_000;
const PATIENT_MS = 180_000;

/** Random faults, one after the other, on one system for as long as is asked: `npm run test:long -- --minutes M`. */
describe('a soak', () => {
  let kafkaWay: TcpProxy;
  let cassandraWay: TcpProxy;
  let kafka: KafkaCluster;
  let cassandra: CassandraCluster;
  let system: DeployedSystem;
  let random: Random;
  beforeAll(async () => {
    [kafkaWay, cassandraWay] = await Promise.all([TcpProxy.start(), TcpProxy.start()]);
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-faults-cassandra-'));
    [kafka, cassandra] = await Promise.all([
      startProxiedKafka(kafkaWay),
      startCassandra({ folder, temporary: true, commitlogSync: 'batch' }),
    ]);
    cassandraWay.leadTo(cassandra.addresses[0] ?? '');
    system = await DeployedSystem.start({ stores: await throughProxies(kafkaWay, cassandraWay) });
    random = Random.fromSeed(system.seed);
  });
  afterAll(async () => {
    await system?.end();
    await Promise.all([kafkaWay?.close(), cassandraWay?.close(), kafka?.stop(), cassandra?.stop()]);
  });

  const anyOf = (apps: readonly AppProcess[]) => random.pick(apps.filter(({ isGivenUp }) => !isGivenUp));
  const anyWay = () => random.pick([kafkaWay, cassandraWay]);
  const aWhile = () => pause(random.between(500, 4_000));

  /** A run that may come to nothing while its servers are away. */
  async function killedRun(): Promise<void> {
    const run: BatchRun = system.startBatch();
    await Promise.race([aWhile(), run.result()]);
    await run.kill();
  }

  async function awayAndBack(server: KafkaCluster | CassandraCluster): Promise<void> {
    await server.kill(1);
    await aWhile();
    await server.start(1);
  }

  const FAULTS: Readonly<Record<string, () => Promise<unknown>>> = {
    'a speed layer is killed': async () => {
      await anyOf(system.speedLayers).kill();
      await system.startSpeedLayer();
    },
    'a server is killed': async () => {
      await anyOf(system.servingLayers).kill();
      await system.startServingLayer();
    },
    'a speed layer stops past its session': async () => {
      const app = anyOf(system.speedLayers);
      app.pause();
      await pause(random.between(7_000, 10_000));
      app.resume();
    },
    'a batch run is killed': killedRun,
    'the broker is killed': () => awayAndBack(kafka),
    'Cassandra is killed': () => awayAndBack(cassandra),
    'connections break': async () => {
      for (let n = random.between(2, 6); n > 0; n--) {
        anyWay().reset();
        await aWhile();
      }
    },
    'the way is slow': async () => {
      const way = anyWay();
      way.delay(random.between(20, 300));
      await aWhile();
      way.delay(0);
    },
    'answers are lost': () =>
      Promise.all([
        kafkaWay.loseAnswerTo(random.chance(0.5) ? appendOf('event_id') : HEARTBEAT_REQUEST),
        cassandraWay.loseAnswerTo(ROWS),
      ]),
    'the answers to a run are lost': async () => {
      const run = system.startBatch();
      const lost = [kafkaWay.loseAnswerTo(appendOf('tidemark-barrier')), cassandraWay.loseAnswerTo(POINTER_CHANGE)];
      const { code, said } = await run.result();
      expect(code, said).toBe(0);
      await Promise.all(lost);
    },
    'nobody can connect': async () => {
      const way = anyWay();
      await way.shut();
      await aWhile();
      await way.open();
    },
    'back to the generation before': async () => {
      await system.command('batch', 'rollback');
      await killedRun();
      await eventually('publishing goes on', PATIENT_MS, async () =>
        (await system.command('batch', 'publish')).code === 0 ? true : null,
      );
    },
  };

  test(
    `${MINUTES} minutes of faults lose nothing and count nothing twice`,
    async () => {
      const began = performance.now();
      const over = () => performance.now() - began > MINUTES * 60_000;
      let now = 'nothing yet';
      let faults = 0;
      const saying = setInterval(
        () => say(`${Math.round((performance.now() - began) / 1_000)} s: fault ${faults}, ${now}`),
        SAY_EVERY_MS,
      );
      try {
        // Two generations, that there is one to go back to.
        for (let n = 0; n < 2; n++) await system.publish();
        while (!over()) {
          const roundBegan = performance.now();
          await underLoad(
            system,
            async (writer) => {
              await writer.acknowledges(50);
              while (performance.now() - roundBegan < WHOLE_EVERY_MS && !over()) {
                now = random.pick(Object.keys(FAULTS));
                faults += 1;
                say(`fault ${faults}: ${now}`);
                await FAULTS[now]?.();
                await writer.acknowledges(50);
              }
              now = 'everything has to be whole';
              await system.sharesAreFair(4);
            },
            { outage: true },
          );
        }
      } catch (cause) {
        const said = system.speedLayers.map(
          (app) => `${app.name} (${app.hasEnded ? 'ended' : 'alive'}):\n${app.tail()}`,
        );
        throw new Error(`fault ${faults}, ${now}:\n${said.join('\n')}`, { cause });
      } finally {
        clearInterval(saying);
      }
      say(`${faults} faults`);
      await system.stop();
    },
    (MINUTES + 15) * 60_000,
  );
});

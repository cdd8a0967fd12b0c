import { cassandraOfRun, eventually, kafkaOfRun } from '@tidemark/infra-local/testing';
import { openLog } from '@tidemark/log/open';
import { describe, expect, test } from 'vitest';
import { askCustomers } from './system/answers.ts';
import { DeployedSystem, onKafkaAndCassandra } from './system/deployed-system.ts';
import { underLoad } from './system/under-load.ts';

const kafka = kafkaOfRun();
const cassandra = cassandraOfRun();

describe.skipIf(kafka === null || cassandra === null)('retention that runs past a stopped speed layer', () => {
  test('is said loudly, and rebuild is the way out', async () => {
    const stores = await onKafkaAndCassandra(kafka ?? '', cassandra ?? '');
    const system = await DeployedSystem.start({ stores, speedLayers: 1, servingLayers: 1 });
    try {
      await underLoad(system, (writer) => writer.acknowledges(200));
      const [layer] = system.speedLayers;
      expect(await layer?.stop()).toBe(0);

      // Landed and published without being folded; then the log forgets it.
      const writer = system.write();
      await writer.acknowledges(200);
      await writer.stop();
      system.remember(writer);
      await system.publish();
      const log = await openLog(system.logUrl);
      for (const [partition, { end }] of await log.bounds()) await log.truncate(partition, end);
      await log.close();

      const refused = system.launchSpeedLayer();
      refused.isGivenUp = true;
      expect(await refused.ended).toBe(1);
      expect(refused.said()).toContain('TIDEMARK_SPEED_GAP');
      expect(refused.said()).toContain('tidemark rebuild');

      const { code, said } = await system.command('rebuild');
      expect([code, said]).toEqual([0, expect.stringContaining('Rebuilt: generation')]);
      // The tables were made anew: who served those of before ends at the next request, and is started again.
      const [server] = system.servingLayers;
      await eventually('the server of before has ended', 30_000, async () => {
        if (server?.hasEnded) return true;
        await askCustomers(server?.url ?? '', ['nobody']);
        return null;
      });
      expect(await server?.ended).toBe(1);
      expect(server?.said()).toContain('TIDEMARK_VIEWS_GONE');
      await server?.restart();
      await system.startSpeedLayer();
      await underLoad(system, (more) => more.acknowledges(200));
      await system.stop();
    } finally {
      await system.end();
    }
  });
});

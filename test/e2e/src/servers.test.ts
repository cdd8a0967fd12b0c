import { join } from 'node:path';
import { findCassandra, findJava, findKafka, resolveArtefacts } from '@tidemark/infra-local';
import { eventually, processesOf } from '@tidemark/infra-local/testing';
import { describe, expect, test } from 'vitest';
import { noneLeft, RunningSystem, succeed, tidemark, withHome } from './tidemark.ts';

/** Why the servers can't run here; null when they can. In CI they must. */
async function missing(): Promise<string | null> {
  try {
    findJava();
    await Promise.all([resolveArtefacts('kafka'), resolveArtefacts('cassandra')]);
    return null;
  } catch (error) {
    if (process.env.CI === 'true' || process.env.CI === '1') throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

const why = await missing();
if (why !== null) process.stderr.write(`\nSKIPPED: systems on Kafka and Cassandra. ${why}\n\n`);

const order = (number: number): string =>
  `${JSON.stringify({
    event_id: `event-${number}`,
    event_type: 'order_placed',
    customer_id: 'anna',
    occurred_at: '2026-01-05T10:00:00Z',
    order_id: `order-${number}`,
    total_amount: '10.00',
  })}\n`;

const ordersAre = (home: string, count: number) =>
  eventually(`anna has ${count} orders`, 60_000, async () => {
    const { code, stdout } = await tidemark(['get', 'anna', '--json', '--home', home]);
    return code === 0 && JSON.parse(stdout).metrics.order_count === count ? true : null;
  });

const verified = (home: string) =>
  eventually('verify finds nothing', 60_000, async () =>
    (await tidemark(['verify', '--home', home])).code === 0 ? true : null,
  );

const serverPids = (home: string): readonly number[] => [
  ...(findKafka(join(home, 'kafka'))?.pids ?? []),
  ...(findCassandra(join(home, 'cassandra'))?.pids ?? []),
];

const MINUTES = 60_000;

describe.skipIf(why !== null)('a system on Kafka and Cassandra', () => {
  test(
    'answers and recomputes; servers that are killed are started again, and a supervisor that was killed goes on',
    () =>
      withHome(async (home) => {
        const system = await RunningSystem.start(home, ['--on', 'kafka,cassandra']);
        expect(system.said).toMatch(/stores +PostgreSQL on port \d+, Kafka on \d+, Cassandra on \d+/);
        await succeed(['send', '--home', home], order(1));
        await ordersAre(home, 1);
        await succeed(['batch', 'run', '--home', home]);
        await succeed(['send', '--home', home], order(2));
        await ordersAre(home, 2);

        const killed = serverPids(home);
        expect(killed).toHaveLength(2);
        for (const pid of killed) process.kill(pid, 'SIGKILL');
        for (const name of ['Kafka', 'Cassandra']) {
          await eventually(`${name} runs again`, 2 * MINUTES, () =>
            system.said.includes(`${name} runs again`) ? true : null,
          );
        }
        await succeed(['send', '--home', home], order(3));
        await ordersAre(home, 3);

        const before = processesOf(home);
        await system.end('SIGKILL');
        // At once, and without the flag: the folder knows where its stores are.
        const next = await RunningSystem.start(home);
        await ordersAre(home, 3);
        expect(processesOf(home).filter((pid) => before.includes(pid))).toEqual([]);
        expect(serverPids(home)).toHaveLength(2);
        await succeed(['batch', 'run', '--home', home]);
        await verified(home);
        expect(await next.end('SIGTERM')).toBeLessThan(5_000);
        expect(next.exitCode).toBe(0);
        await noneLeft(home);

        const elsewhere = await tidemark(['up', '--home', home, '--on', 'kafka']);
        expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('--on cassandra,kafka')]);
      }),
    8 * MINUTES,
  );
});

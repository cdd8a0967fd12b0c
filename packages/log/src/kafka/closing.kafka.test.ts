import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import { describe, expect, test } from 'vitest';
import { openKafkaLog } from './log.ts';
import { testTopic } from './testing/test-topic.ts';

const address = kafkaOfRun() ?? '';

describe.skipIf(kafkaOfRun() === null)('a process', () => {
  test('that has appended, read and consumed ends by itself once the log is closed', async () => {
    const topic = testTopic(address);
    const log = new URL('./log.ts', import.meta.url).href;
    const program = `
      const { openKafkaLog } = await import('${log}');
      const log = await openKafkaLog('${topic.url()}');
      const consumer = await log.consume('ends', { assigned: async () => 0n, records: async () => {}, revoked: async () => {} });
      await log.append([{ key: null, value: new Uint8Array(3) }]);
      while (consumer.held().length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
      await log.close();
      console.log('closed');`;
    const tsx = createRequire(import.meta.url).resolve('tsx');
    const args = ['--import', tsx, '--conditions', 'tidemark-source', '--input-type', 'module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 50_000 });
    expect(stdout.trim()).toBe('closed');
    await (await openKafkaLog(topic.url())).close();
    await topic.drop();
  });
});

import { createHook } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kafkaOfRun } from '@tidemark/infra-local/testing';
import socketFactory from 'kafkajs/src/network/socketFactory.js';
import { describe, expect, test } from 'vitest';
import { cuttableProxy } from '../testing/index.ts';
import { openLink } from './link.ts';
import { openKafkaLog } from './log.ts';
import { metadata } from './requests/metadata.ts';
import { testTopic } from './testing/test-topic.ts';

const address = kafkaOfRun() ?? '';
const port = Number(address.split(':')[1]);
const options = { clientId: 'test', sasl: null, tls: null, socketFactory: socketFactory() };

/** How many timers are made in so long. */
async function timersMadeIn(ms: number): Promise<number> {
  let made = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') made += 1;
    },
  });
  hook.enable();
  await pause(ms);
  hook.disable();
  return made;
}

test('kafkajs is the version whose insides were read', () => {
  expect(createRequire(import.meta.url)('kafkajs/package.json')).toMatchObject({ version: '2.2.4' });
});

describe.skipIf(kafkaOfRun() === null)('a connection', () => {
  test('rests while nothing is asked', async () => {
    const link = await openLink({ host: '127.0.0.1', port }, options);
    await link.send(metadata('nothing'));
    // kafkajs by itself makes one each millisecond.
    expect(await timersMadeIn(300)).toBeLessThan(20);
    link.close();
  });

  test('ends at once, and so do those who wait for its answers, although the broker is silent', async () => {
    const proxy = await cuttableProxy(port);
    const link = await openLink({ host: '127.0.0.1', port: proxy.port }, options);
    proxy.cut();
    const asked = link.send(metadata('nothing'));
    const failed = expect(asked).rejects.toMatchObject({ name: 'LinkClosedError' });
    // It goes out in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    link.close();
    await failed;
    expect(link.isOpen).toBe(false);
    await proxy.close();
  });
});

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

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partitionOfKey } from '@tidemark/log';
import { resumeShop } from '@tidemark/simulator';
import { expect, test } from 'vitest';
import { historyImported, prepareHistory } from './history.ts';
import { readShop } from './shop-file.ts';
import { sendTraffic } from './traffic.ts';

const OPTIONS = { seed: 7, events: 300, currency: 'USD', nowMs: 1_780_000_000_000 };

const idOf = (text: string): string => /"event_id":"?([^",}]+)/.exec(text)?.[1] ?? text;

/** Sends traffic until `stopAfter` records were appended; then the append fails, as if the process had been killed. */
async function sendUntil(folder: string, stopAfter: number, startMs: number, killAck: boolean): Promise<string[]> {
  const appended: string[] = [];
  let nowMs = startMs;
  const log = {
    append: async (records: readonly { readonly key: Uint8Array | null; readonly value: Uint8Array | null }[]) => {
      const texts = records.map(({ value }) => Buffer.from(value ?? []).toString('latin1'));
      if (!killAck && appended.length + texts.length > stopAfter) throw new Error('killed before');
      appended.push(...texts);
      if (appended.length > stopAfter) throw new Error('killed after');
      return records.map(({ key }) => ({ partition: partitionOfKey(key ?? new Uint8Array(), 4), offset: 0n }));
    },
  };
  // Time passes faster than anything is waited for.
  const now = () => {
    nowMs += 400;
    return nowMs;
  };
  await expect(sendTraffic({ folder, log, rate: 40, now, signal: new AbortController().signal })).rejects.toThrow(
    /killed/,
  );
  return appended;
}

test.each([
  ['before a record is durable', false],
  ['after it is, before anybody knows', true],
])('a traffic process that is killed %s skips nothing and uses no id for two events', async (_, killAck) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-traffic-'));
  try {
    prepareHistory(folder, OPTIONS);
    historyImported(folder);
    const saved = readShop(folder);
    const made: string[] = [];
    for (let round = 0; round < 6; round++) {
      made.push(...(await sendUntil(folder, 37 + round * 11, OPTIONS.nowMs + round * 60_000, killAck)));
    }
    const byId = new Map<string, Set<string>>();
    for (const text of made) byId.set(idOf(text), (byId.get(idOf(text)) ?? new Set()).add(text));
    expect([...byId].filter(([, texts]) => texts.size > 1)).toEqual([]);

    // The same shop, never stopped: what it says does not depend on when it is asked.
    const reference = resumeShop(saved?.shop);
    const ids = new Set<string>();
    while (ids.size < byId.size) ids.add(idOf(Buffer.from(reference.live(OPTIONS.nowMs).bytes).toString('latin1')));
    expect([...byId.keys()]).toEqual([...ids]);
    expect(ids.size).toBeGreaterThan(250);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

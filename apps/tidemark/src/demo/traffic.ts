import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog } from '@tidemark/log';
import { resumeShop, type Shop } from '@tidemark/simulator';
import { readShop, type SentRecord, writeShop } from './shop-file.ts';

export type Traffic = {
  readonly folder: string;
  readonly log: Pick<EventLog, 'append'>;
  /** Records a second. */
  readonly rate: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
};

/** A plan is so long, and is sent in so many parts. */
const PLAN_MS = 1_000;
const PARTS = 5;

/**
 * Sends the shop's live stream, second by second, until stopped. Each second is written down, records and the shop's state
 * after them, before its first record is appended: a stop at any moment can only lead to the very same records being
 * appended again, which the platform drops, never to one being skipped or an id being used twice.
 */
export async function sendTraffic({ folder, log, rate, now, signal }: Traffic): Promise<void> {
  const saved = readShop(folder);
  if (saved === null) throw new Error(`There is no shop in ${folder}: its history comes first.`);
  const shop = resumeShop(saved.shop);
  await append(log, saved.pending);
  let owed = 0;
  while (!signal.aborted) {
    const begunMs = now();
    owed += (rate * PLAN_MS) / 1000;
    const plan = plannedRecords(shop, Math.floor(owed), begunMs);
    owed -= plan.length;
    writeShop(folder, { imported: true, shop: shop.state(), pending: plan });
    for (let part = 0; part < PARTS; part++) {
      const share = (index: number) => Math.floor((plan.length * index) / PARTS);
      await append(log, plan.slice(share(part), share(part + 1)));
      const untilMs = begunMs + (PLAN_MS * (part + 1)) / PARTS - now();
      try {
        if (untilMs > 0) await pause(untilMs, undefined, { signal });
      } catch {
        // Told to stop: what was not sent yet is sent at the next start.
        writeShop(folder, { imported: true, shop: shop.state(), pending: plan.slice(share(part + 1)) });
        return;
      }
    }
  }
}

function plannedRecords(shop: Shop, count: number, nowMs: number): readonly SentRecord[] {
  return Array.from({ length: count }, () => {
    const { customerId, bytes } = shop.live(nowMs);
    return { customerId, base64: Buffer.from(bytes).toString('base64') };
  });
}

async function append(log: Pick<EventLog, 'append'>, records: readonly SentRecord[]): Promise<void> {
  if (records.length === 0) return;
  await log.append(
    records.map(({ customerId, base64 }) => ({ key: Buffer.from(customerId), value: Buffer.from(base64, 'base64') })),
  );
}

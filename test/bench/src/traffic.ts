import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog } from '@tidemark/log';
import { orderRecords, uniform } from './events.ts';

const EVERY_MS = 50;

/** As many as a busy shop has. */
export const TRAFFIC = { eventsPerSecond: 2_000, customers: 20_000 };

/** Appends events at the rate until told to stop, whatever an append takes. */
async function traffic(log: EventLog, first: number, eventsPerSecond: number, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  for (let sent = 0; !signal.aborted; ) {
    const due = Math.floor(((performance.now() - began) / 1000) * eventsPerSecond);
    if (due > sent) await log.append(orderRecords(due - sent, uniform(TRAFFIC.customers), first + sent));
    sent = Math.max(sent, due);
    await pause(EVERY_MS);
  }
}

/** Does the work while such events come in; `first` is the number of the first of them. */
export async function underTraffic<T>(
  log: EventLog,
  first: number,
  work: () => Promise<T>,
  eventsPerSecond: number = TRAFFIC.eventsPerSecond,
): Promise<T> {
  const stopping = new AbortController();
  const coming = traffic(log, first, eventsPerSecond, stopping.signal);
  try {
    return await Promise.race([work(), coming.then(() => Promise.reject(new Error('the traffic ended')))]);
  } finally {
    stopping.abort();
    await coming;
  }
}

import type { Append, EventLog, LogRecord } from '../port.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const text = (record: LogRecord): string => Buffer.from(record.value ?? []).toString();

/** `count` records with the values `prefix 0`, `prefix 1`, …, of `keys` keys in turn. */
export const numbered = (prefix: string, count: number, keys = 50): Append[] =>
  Array.from({ length: count }, (_, n) => ({ key: bytes(`customer ${n % keys}`), value: bytes(`${prefix} ${n}`) }));

/** All of a partition from its start, however many reads that takes. */
export async function readAll(log: EventLog, partition: number, maxRecords = 1_000): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  let from = (await log.bounds()).get(partition)?.start ?? 0n;
  for (;;) {
    const result = await log.read(partition, from, { maxRecords, waitMs: 0 });
    records.push(...result.records);
    from = result.next;
    if (result.level) return records;
  }
}

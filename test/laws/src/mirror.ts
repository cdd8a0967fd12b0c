import { type ParseResult, parse } from '@tidemark/contracts';
import { barrierOf, type EventLog, type LogRecord } from '@tidemark/log';
import type { HistoryRecord } from '@tidemark/oracle';

type Appended = { readonly offset: bigint; readonly parsed: ParseResult };
type BarrierAt = { readonly generation: number; readonly offset: bigint };

/** What was put into the system, kept beside it: the history that answers are held against. */
export class Mirror {
  readonly #currency: string;
  readonly #records = new Map<number, Appended[]>();
  readonly #barriers = new Map<number, BarrierAt[]>();
  readonly #read = new Map<number, bigint>();
  readonly #imports = new Map<number, readonly HistoryRecord[]>();

  constructor(currency: string) {
    this.#currency = currency;
  }

  appended(partition: number, offset: bigint, bytes: Uint8Array): void {
    const records = this.#records.get(partition) ?? [];
    records.push({ offset, parsed: parse(bytes, { currency: this.#currency }) });
    this.#records.set(partition, records);
  }

  imported(number: number, values: readonly Uint8Array[]): void {
    const records = values.flatMap((bytes, row): HistoryRecord[] => {
      const parsed = parse(bytes, { currency: this.#currency });
      return parsed.ok ? [{ source: 'import', number, row, event: parsed.event }] : [];
    });
    this.#imports.set(number, records);
  }

  async readBarriers(log: EventLog): Promise<void> {
    for (const [partition, { start, end }] of await log.bounds()) {
      let from = this.#read.get(partition) ?? start;
      while (from < end) {
        const { records, next } = await log.read(partition, from, { maxRecords: 1_000, waitMs: 0 });
        for (const record of records) this.sawBarrier(record);
        from = next;
      }
      this.#read.set(partition, from);
    }
  }

  /** Takes a record for what it is if it is a barrier. A number at or below the last one seen is ignored, by definition. */
  sawBarrier(record: LogRecord): void {
    const found = this.#barriers.get(record.partition) ?? [];
    this.#barriers.set(record.partition, found);
    const barrier = barrierOf(record);
    if (barrier && barrier.generation > (found.at(-1)?.generation ?? 0))
      found.push({ generation: barrier.generation, offset: record.offset });
  }

  /** The numbers of the barriers in each partition, ascending. */
  barriers(): ReadonlyMap<number, readonly number[]> {
    return new Map(
      [...this.#barriers].map(([partition, barriers]) => [partition, barriers.map(({ generation }) => generation)]),
    );
  }

  /** True when the newest barrier stands in some partitions only. */
  get halfBarrier(): boolean {
    const newest = [...this.#records.keys()].map((partition) => this.#barriers.get(partition)?.at(-1)?.generation ?? 0);
    return new Set(newest).size > 1;
  }

  /** Accepted records of the log that `take` wants, by partition and offset; of one customer, or of all. */
  accepted(take: (partition: number, offset: bigint) => boolean, customerId?: string): HistoryRecord[] {
    const found: HistoryRecord[] = [];
    for (const [partition, records] of this.#records) {
      for (const { offset, parsed } of records) {
        if (!take(partition, offset)) continue;
        if (parsed.ok && (customerId === undefined || parsed.event.customer_id === customerId))
          found.push({ source: 'log', partition, epoch: this.#epoch(partition, offset), offset, event: parsed.event });
      }
    }
    return found;
  }

  /** Positions of the records that are no events, as 'partition:offset', ascending. */
  rejected(): string[] {
    const found: string[] = [];
    for (const [partition, records] of this.#records) {
      for (const { offset, parsed } of records) {
        if (!parsed.ok) found.push(`${partition}:${offset}`);
      }
    }
    return found.sort();
  }

  /** Events of the imports numbered up to `last`; of one customer, or of all. */
  importedUpTo(last: number, customerId?: string): HistoryRecord[] {
    const records = [...this.#imports].flatMap(([number, own]) => (number <= last ? own : []));
    return records.filter(({ event }) => customerId === undefined || event.customer_id === customerId);
  }

  #epoch(partition: number, offset: bigint): number {
    return this.#barriers.get(partition)?.findLast((barrier) => barrier.offset < offset)?.generation ?? 0;
  }
}

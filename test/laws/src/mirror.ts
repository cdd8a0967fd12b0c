import { type ParseResult, parse } from '@tidemark/contracts';
import { barrierOf, type EventLog, type LogRecord } from '@tidemark/log';
import type { HistoryRecord } from '@tidemark/oracle';

type Appended = { readonly offset: bigint; readonly parsed: ParseResult };
/** An accepted record, and how many barriers of its partition were known when its epoch was found. */
type Accepted = { record: LogHistory; barriers: number };
type LogHistory = Extract<HistoryRecord, { source: 'log' }>;
type BarrierAt = { readonly generation: number; readonly offset: bigint };

/** What was put into the system, kept beside it: the history that answers are held against. */
export class Mirror {
  readonly #currency: string;
  readonly #records = new Map<number, Appended[]>();
  /** Accepted records by customer and partition, in the order of their offsets. */
  readonly #accepted = new Map<string, Map<number, Accepted[]>>();
  readonly #barriers = new Map<number, BarrierAt[]>();
  readonly #read = new Map<number, bigint>();
  readonly #imports = new Map<number, readonly HistoryRecord[]>();

  constructor(currency: string) {
    this.#currency = currency;
  }

  appended(partition: number, offset: bigint, bytes: Uint8Array): void {
    const records = this.#records.get(partition) ?? [];
    const parsed = parse(bytes, { currency: this.#currency });
    records.push({ offset, parsed });
    this.#records.set(partition, records);
    if (!parsed.ok) return;
    const { event } = parsed;
    const own = this.#accepted.get(event.customer_id) ?? new Map<number, Accepted[]>();
    this.#accepted.set(event.customer_id, own);
    const record: LogHistory = { source: 'log', partition, epoch: 0, offset, event };
    const inPartition = own.get(partition) ?? [];
    own.set(partition, inPartition);
    inPartition.push({ record, barriers: 0 });
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

  importNumbers(): number[] {
    return [...this.#imports.keys()].sort((a, b) => a - b);
  }

  /** Ids that imports hold more than once. */
  repeatedInImports(): string[] {
    const ids = this.#importedIds();
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  }

  /** Ids of the events among `values` that no import holds. */
  missingInImports(values: readonly Uint8Array[]): string[] {
    const ids = new Set(this.#importedIds());
    return values.flatMap((bytes) => {
      const parsed = parse(bytes, { currency: this.#currency });
      return parsed.ok && !ids.has(idOf(parsed.event)) ? [idOf(parsed.event)] : [];
    });
  }

  #importedIds(): string[] {
    return [...this.#imports.values()].flat().map(({ event }) => idOf(event));
  }

  /** Accepted records of the log that `take` wants, by partition and offset; of one customer, or of all. */
  accepted(take: (partition: number, offset: bigint) => boolean, customerId?: string): LogHistory[] {
    const customers = customerId === undefined ? [...this.#accepted.keys()] : [customerId];
    return customers.flatMap((customer) =>
      [...(this.#accepted.get(customer) ?? [])].flatMap(([partition, own]) =>
        own.filter(({ record }) => take(partition, record.offset)).map((accepted) => this.#inEpoch(accepted)),
      ),
    );
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

  /** The same record always, unless a barrier before it was heard of since. */
  #inEpoch(accepted: Accepted): LogHistory {
    const { partition, offset } = accepted.record;
    const barriers = this.#barriers.get(partition) ?? [];
    if (accepted.barriers === barriers.length) return accepted.record;
    accepted.barriers = barriers.length;
    const epoch = barriers.findLast((barrier) => barrier.offset < offset)?.generation ?? 0;
    if (epoch !== accepted.record.epoch) accepted.record = { ...accepted.record, epoch };
    return accepted.record;
  }
}

const idOf = ({ customer_id, event_id }: { readonly customer_id: string; readonly event_id: string }): string =>
  `${customer_id} ${event_id}`;

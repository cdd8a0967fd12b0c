import { parse } from '@tidemark/contracts';
import type { Lake, LandedImport, LandedRange } from '@tidemark/lake';
import { barrierOf, type EventLog, hasBarrierHeader } from '@tidemark/log';
import type { HistoryRecord } from '@tidemark/oracle';

const READ_RECORDS = 5_000;

type BarrierAt = { readonly generation: number; readonly offset: bigint };

/**
 * History as it was sent: raw bytes of the lake, and of the log behind what was landed, judged anew by `parse`. Nothing
 * that a layer computed is read.
 */
export class RawHistory {
  readonly #records = new Map<string, HistoryRecord[]>();
  readonly #barriers = new Map<number, BarrierAt[]>();

  /** Reads everything of these customers that there is at this moment. */
  static async read(lake: Lake, log: EventLog, currency: string, customers: ReadonlySet<string>): Promise<RawHistory> {
    const history = new RawHistory();
    const ranges = await lake.ranges();
    for (const { partition, barriers } of ranges) history.#barriersOf(partition).push(...barriers);
    for (const unit of [...(await lake.imports()), ...ranges]) await history.#readUnit(lake, unit, currency, customers);
    const ends = new Map(ranges.map(({ partition, head }) => [partition, head.end]));
    for (const [partition, { start, end }] of await log.bounds()) {
      await history.#readLog(log, partition, ends.get(partition) ?? start, end, currency, customers);
    }
    return history;
  }

  /** Numbers of the barriers that began an epoch, by partition. */
  barriers(): ReadonlyMap<number, readonly number[]> {
    return new Map(
      [...this.#barriers].map(([partition, list]) => [partition, list.map(({ generation }) => generation)]),
    );
  }

  recordsOf(customerId: string): readonly HistoryRecord[] {
    return this.#records.get(customerId) ?? [];
  }

  async #readUnit(
    lake: Lake,
    unit: LandedRange | LandedImport,
    currency: string,
    customers: ReadonlySet<string>,
  ): Promise<void> {
    for await (const { place, value } of lake.records(unit, customers)) {
      const parsed = parse(value, { currency });
      if (!parsed.ok || !customers.has(parsed.event.customer_id)) continue;
      const { event } = parsed;
      if ('row' in place) {
        if ('number' in unit) this.#add({ source: 'import', number: unit.number, row: place.row, event });
        continue;
      }
      const { partition, offset } = place;
      this.#add({ source: 'log', partition, offset, epoch: this.#epochAt(partition, offset), event });
    }
  }

  async #readLog(
    log: EventLog,
    partition: number,
    from: bigint,
    end: bigint,
    currency: string,
    customers: ReadonlySet<string>,
  ): Promise<void> {
    const barriers = this.#barriersOf(partition);
    for (let next = from; next < end; ) {
      const batch = await log.read(partition, next, { maxRecords: READ_RECORDS, waitMs: 0 });
      if (batch.records.length === 0) return;
      for (const record of batch.records) {
        const { offset } = record;
        if (hasBarrierHeader(record)) {
          const barrier = barrierOf(record);
          if (barrier && barrier.generation > (barriers.at(-1)?.generation ?? 0))
            barriers.push({ generation: barrier.generation, offset });
          continue;
        }
        const parsed = parse(record.value ?? new Uint8Array(), { currency });
        if (!parsed.ok || !customers.has(parsed.event.customer_id)) continue;
        this.#add({
          source: 'log',
          partition,
          offset,
          epoch: barriers.at(-1)?.generation ?? 0,
          event: parsed.event,
        });
      }
      next = batch.next;
    }
  }

  #add(record: HistoryRecord): void {
    const { customer_id } = record.event;
    const known = this.#records.get(customer_id);
    if (known) known.push(record);
    else this.#records.set(customer_id, [record]);
  }

  #barriersOf(partition: number): BarrierAt[] {
    const known = this.#barriers.get(partition) ?? [];
    this.#barriers.set(partition, known);
    return known;
  }

  #epochAt(partition: number, offset: bigint): number {
    return this.#barriersOf(partition).findLast((barrier) => barrier.offset < offset)?.generation ?? 0;
  }
}

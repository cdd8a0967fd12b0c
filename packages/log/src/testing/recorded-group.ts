import type { LogRecord, PartitionHandler } from '../port.ts';

export type Call = { readonly member: string; readonly partition: number; readonly offsets: readonly bigint[] };

/**
 * What the members of a group did, and their common store: a position per partition, which only rises. As in the
 * product, a record below the position is one that comes again and is not counted.
 */
export class RecordedGroup {
  readonly positions = new Map<number, bigint>();
  readonly records: LogRecord[] = [];
  readonly calls: Call[] = [];
  readonly overlaps: string[] = [];
  readonly assignments: string[] = [];
  readonly revocations: string[] = [];

  /** Values of the records counted, as text, in the order they were counted. */
  values(): string[] {
    return this.records.map((record) => Buffer.from(record.value ?? []).toString());
  }

  /** A handler of the member. `during` runs inside each call for records, before they are counted. */
  handler(member: string, during: (partition: number) => Promise<void> = async () => {}): PartitionHandler {
    const running = new Set<number>();
    const alone = async (partition: number, fn: () => Promise<void>) => {
      if (running.has(partition)) this.overlaps.push(`${member}/${partition}`);
      running.add(partition);
      await fn();
      running.delete(partition);
    };
    return {
      assigned: async (partition) => {
        await alone(partition, async () => {
          this.assignments.push(`${member}/${partition}`);
        });
        return this.positions.get(partition) ?? 0n;
      },
      records: (partition, batch, lease) =>
        alone(partition, async () => {
          this.calls.push({ member, partition, offsets: batch.records.map((record) => record.offset) });
          await during(partition);
          if (!lease.isHeld()) return;
          const position = this.positions.get(partition) ?? 0n;
          for (const record of batch.records) if (record.offset >= position) this.records.push(record);
          if (batch.next > position) this.positions.set(partition, batch.next);
        }),
      revoked: (partition) =>
        alone(partition, async () => {
          this.revocations.push(`${member}/${partition}`);
        }),
    };
  }
}

/** A write of one row, with the partition key it goes to. */
export type BoundWrite = { readonly cql: string; readonly values: readonly unknown[]; readonly key: Buffer };

/**
 * Bytes of one batch, as the server counts them. It rejects batches over `batch_size_fail_threshold` (50 KiB by default): half
 * of that leaves room for what is estimated wrongly. Over `batch_size_warn_threshold` (5 KiB by default) it writes a line to
 * its log at most once a minute; smaller batches would give away a third of the rate.
 */
export const BATCH_BYTES = 24 * 1024;

/** So that no batch is long to plan, however small its rows. */
const BATCH_ROWS = 100;

/** What a cell costs beside its value in the server's count: timestamp, expiry and local deletion time. */
const CELL_BYTES = 20;

/** Groups writes whose rows have the same replicas: each is one batch that a node can take without asking others. */
export function groupByReplica(
  writes: readonly BoundWrite[],
  replicasOf: (key: Buffer) => string,
): readonly (readonly BoundWrite[])[] {
  const done: BoundWrite[][] = [];
  const open = new Map<string, { writes: BoundWrite[]; bytes: number }>();
  for (const write of writes) {
    const replicas = replicasOf(write.key);
    const bytes = sizeOf(write);
    const group = open.get(replicas);
    if (group !== undefined && group.bytes + bytes <= BATCH_BYTES && group.writes.length < BATCH_ROWS) {
      group.writes.push(write);
      group.bytes += bytes;
      continue;
    }
    if (group !== undefined) done.push(group.writes);
    open.set(replicas, { writes: [write], bytes });
  }
  for (const group of open.values()) done.push(group.writes);
  return done;
}

function sizeOf({ values }: BoundWrite): number {
  let bytes = 0;
  for (const value of values) bytes += CELL_BYTES + (Buffer.isBuffer(value) ? value.length : 8);
  return bytes;
}

/** The routing key of a partition key of several columns: each with its length before it and a zero behind it. */
export function routingKey(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => [Buffer.from([part.length >> 8, part.length & 0xff]), part, Buffer.from([0])]),
  );
}

/** A write of one row, with the partition key it goes to. */
export type BoundWrite = { readonly cql: string; readonly values: readonly unknown[]; readonly key: Buffer };

/**
 * Bytes of one batch, as the server counts them: below its default `batch_size_warn_threshold` of 5 KiB, over which it writes
 * a line to its log for every batch (and over 50 KiB rejects it). Larger ones were no faster here: a row of forty columns
 * costs the node far more than a request.
 */
const BATCH_BYTES = 4608;

/** Its default `unlogged_batch_across_partitions_warn_threshold`. */
const BATCH_PARTITIONS = 10;

/** What a cell costs beside its value in the server's count: timestamp, expiry and local deletion time. */
const CELL_BYTES = 20;

type Group = { readonly writes: BoundWrite[]; readonly partitions: Set<string>; bytes: number };

/**
 * Groups writes whose rows have the same replicas: each is one batch that a node can take without asking others. Takes no more
 * writes than the next group needs, so that those who make them as they are taken hold few.
 */
export function* groupByReplica(
  writes: Iterable<BoundWrite>,
  replicasOf: (key: Buffer) => string,
): Generator<readonly BoundWrite[]> {
  const open = new Map<string, Group>();
  for (const write of writes) {
    const replicas = replicasOf(write.key);
    const bytes = sizeOf(write);
    const partition = write.key.toString('latin1');
    let group = open.get(replicas);
    if (group === undefined || !hasRoom(group, bytes, partition)) {
      if (group !== undefined) yield group.writes;
      group = { writes: [], partitions: new Set(), bytes: 0 };
      open.set(replicas, group);
    }
    group.writes.push(write);
    group.partitions.add(partition);
    group.bytes += bytes;
  }
  for (const { writes } of open.values()) yield writes;
}

function hasRoom(group: Group, bytes: number, partition: string): boolean {
  if (group.bytes + bytes > BATCH_BYTES) return false;
  return group.partitions.size < BATCH_PARTITIONS || group.partitions.has(partition);
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

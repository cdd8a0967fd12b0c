import murmur2 from 'murmur2';

/** The seed of Kafka's own clients (`org.apache.kafka.common.utils.Utils.murmur2`). */
const KAFKA_SEED = 0x9747b28c;

/** Kafka's hash of a key, as the signed 32-bit number its clients name. */
export const hashOfKey = (key: Uint8Array): number => murmur2(key, KAFKA_SEED) | 0;

/** The partition of a key among `partitions`: bit for bit that of Kafka's default partitioner. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  if (!Number.isInteger(partitions) || partitions < 1) throw new RangeError('A topic has at least one partition.');
  return (hashOfKey(key) & 0x7fffffff) % partitions;
}

/** Places records: those with a key by `partitionOfKey`, those without in turn, so that none is favoured. */
export function createPartitioner(): (key: Uint8Array | null, partitions: number) => number {
  let turn = 0;
  return (key, partitions) => {
    if (key !== null) return partitionOfKey(key, partitions);
    turn = (turn + 1) % partitions;
    return turn;
  };
}

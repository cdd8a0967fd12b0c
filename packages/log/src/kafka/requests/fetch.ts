import type { Aborted } from '../record-batch.ts';
import { failOn } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

export type FetchPartition = { readonly partition: number; readonly from: bigint; readonly maxBytes: number };

export type FetchedPartition = {
  readonly partition: number;
  readonly error: number;
  /** The end of what may be read: all below it is decided, by every replica needed and by its transaction. */
  readonly end: bigint;
  readonly aborted: readonly Aborted[];
  /** Whole record batches, but the last may be cut off. */
  readonly records: Buffer;
};

const CONSUMER = -1;
const READ_COMMITTED = 1;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Version 13, of Kafka 3.1: it asks by the topic's id, so that a topic that was deleted and made again under the same name
 * is never read by mistake. kafkajs stops at version 11.
 */
export const fetch = (
  topicId: string,
  maxWaitMs: number,
  partitions: readonly FetchPartition[],
): Request<readonly FetchedPartition[]> => ({
  name: 'Fetch',
  apiKey: 1,
  version: 13,
  isFlexible: true,
  timeoutMs: maxWaitMs + 10_000,
  write: (writer) => {
    writer.int32(CONSUMER).int32(maxWaitMs).int32(1).int32(MAX_BYTES).int8(READ_COMMITTED);
    // No fetch session.
    writer.int32(0).int32(-1);
    writer.compactArray([topicId], (id) => {
      writer.uuid(id).compactArray(partitions, ({ partition, from, maxBytes }) => {
        writer.int32(partition).int32(-1).int64(from).int32(-1).int64(-1n).int32(maxBytes).noTags();
      });
      writer.noTags();
    });
    writer
      .compactArray([], () => {})
      .compactString('')
      .noTags();
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'Fetch');
    reader.int32();
    const topics = reader.compactArray(() => {
      reader.uuid();
      const fetched = reader.compactArray((): FetchedPartition => {
        const partition = reader.int32();
        const error = reader.int16();
        reader.int64();
        const end = reader.int64();
        reader.int64();
        const aborted = reader.compactArray(() => {
          const transaction = { producerId: reader.int64(), firstOffset: reader.int64() };
          reader.skipTags();
          return transaction;
        });
        reader.int32();
        const records = reader.compactNullableBytes() ?? Buffer.alloc(0);
        reader.skipTags();
        return { partition, error, end, aborted, records };
      });
      reader.skipTags();
      return fetched;
    });
    return topics.flat();
  },
});

import { failOn } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

const CONSUMER = -1;
const READ_COMMITTED = 1;
const TIMES = { start: -2n, end: -1n } as const;

/** The first offset kept of each partition, or its end: the same end that `fetch` answers. */
export const listOffsets = (
  topic: string,
  which: keyof typeof TIMES,
  partitions: readonly number[],
): Request<ReadonlyMap<number, bigint>> => ({
  name: 'ListOffsets',
  apiKey: 2,
  version: 2,
  isFlexible: false,
  timeoutMs: 5_000,
  write: (writer) => {
    writer
      .int32(CONSUMER)
      .int8(READ_COMMITTED)
      .array([topic], (name) => {
        writer.string(name).array(partitions, (partition) => writer.int32(partition).int64(TIMES[which]));
      });
  },
  read: (reader) => {
    reader.int32();
    const topics = reader.array(() => {
      reader.string();
      return reader.array(() => {
        const partition = reader.int32();
        failOn(reader.int16(), `The offsets of partition ${partition}`);
        reader.int64();
        return [partition, reader.int64()] as const;
      });
    });
    return new Map(topics.flat());
  },
});

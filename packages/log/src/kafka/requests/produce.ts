import type { Request } from '../wire/request.ts';

export type ProduceBatch = { readonly partition: number; readonly bytes: Buffer };

export type Produced = { readonly partition: number; readonly error: number; readonly baseOffset: bigint };

const ALL_REPLICAS = -1;

/** Version 7: one batch for each partition, acknowledged by all replicas in sync. */
export const produce = (
  topic: string,
  batches: readonly ProduceBatch[],
  timeoutMs: number,
): Request<readonly Produced[]> => ({
  name: 'Produce',
  apiKey: 0,
  version: 7,
  isFlexible: false,
  timeoutMs: timeoutMs + 2_000,
  write: (writer) => {
    writer.nullString().int16(ALL_REPLICAS).int32(timeoutMs);
    writer.array([topic], (name) => {
      writer.string(name).array(batches, ({ partition, bytes }) => writer.int32(partition).bytes(bytes));
    });
  },
  read: (reader) => {
    const topics = reader.array(() => {
      reader.string();
      return reader.array((): Produced => {
        const produced = { partition: reader.int32(), error: reader.int16(), baseOffset: reader.int64() };
        reader.int64();
        reader.int64();
        return produced;
      });
    });
    return topics.flat();
  },
});

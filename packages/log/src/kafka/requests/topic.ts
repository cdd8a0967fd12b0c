import { ProtocolError } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

/** How long the controller may take. */
const TIMEOUT_MS = 10_000;
const COMMON = { isFlexible: false, timeoutMs: TIMEOUT_MS + 2_000 } as const;

const fail = (error: number, what: string, reason: string | null): void => {
  if (error !== 0) throw new ProtocolError(error, reason === null ? what : `${what} (${reason})`);
};

export type NewTopic = {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
};

export const createTopic = (topic: NewTopic): Request<void> => ({
  ...COMMON,
  name: 'CreateTopics',
  apiKey: 19,
  version: 2,
  write: (writer) => {
    writer.array([topic], ({ name, partitions, replication, config }) => {
      // No placement by hand.
      writer
        .string(name)
        .int32(partitions)
        .int16(replication)
        .array([], () => {});
      writer.array(Object.entries(config), ([setting, value]) => writer.string(setting).string(value));
    });
    writer.int32(TIMEOUT_MS).boolean(false);
  },
  read: (reader) => {
    reader.int32();
    reader.array(() => {
      reader.string();
      fail(reader.int16(), `Topic ${topic.name}`, reader.nullableString());
    });
  },
});

export const createPartitions = (topic: string, count: number): Request<void> => ({
  ...COMMON,
  name: 'CreatePartitions',
  apiKey: 37,
  version: 0,
  write: (writer) => {
    // The null array: no placement by hand.
    writer.array([topic], (name) => writer.string(name).int32(count).int32(-1));
    writer.int32(TIMEOUT_MS).boolean(false);
  },
  read: (reader) => {
    reader.int32();
    reader.array(() => {
      reader.string();
      fail(reader.int16(), `Topic ${topic}`, reader.nullableString());
    });
  },
});

/** Asked of the partition's leader. */
export const deleteRecords = (topic: string, partition: number, before: bigint): Request<void> => ({
  ...COMMON,
  name: 'DeleteRecords',
  apiKey: 21,
  version: 0,
  write: (writer) => {
    writer.array([topic], (name) => {
      writer.string(name).array([before], (offset) => writer.int32(partition).int64(offset));
    });
    writer.int32(TIMEOUT_MS);
  },
  read: (reader) => {
    reader.int32();
    reader.array(() => {
      reader.string();
      reader.array(() => {
        reader.int32();
        reader.int64();
        fail(reader.int16(), `Partition ${partition}`, null);
      });
    });
  },
});

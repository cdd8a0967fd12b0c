import type { Request } from '../wire/request.ts';

export type Address = { readonly host: string; readonly port: number };

export type Metadata = {
  readonly clusterId: string;
  readonly brokers: ReadonlyMap<number, Address>;
  /** The node that takes orders about topics. */
  readonly controller: number;
  /** The topic's error number, 0 for none. */
  readonly topicError: number;
  /** 32 hexadecimal digits. Another one when the topic is deleted and made again. */
  readonly topicId: string;
  /** The node that leads each partition; −1 while there is none. */
  readonly leaders: ReadonlyMap<number, number>;
};

/**
 * Version 12, of Kafka 3.1. kafkajs stops at version 6, which does not have what we need most: the topic's id came with
 * version 10, and without it a topic that was made again can't be told from the old one.
 */
export const metadata = (topic: string): Request<Metadata> => ({
  name: 'Metadata',
  apiKey: 3,
  version: 12,
  isFlexible: true,
  timeoutMs: 5_000,
  write: (writer) => {
    writer.compactArray([topic], (name) => writer.uuid('0'.repeat(32)).compactString(name).noTags());
    // Neither made by asking for it, nor are the operations listed that are allowed.
    writer.boolean(false).boolean(false).noTags();
  },
  read: (reader) => {
    reader.int32();
    const brokers = reader.compactArray(() => {
      const broker = [reader.int32(), { host: reader.compactString(), port: reader.int32() }] as const;
      reader.compactNullableString();
      reader.skipTags();
      return broker;
    });
    const clusterId = reader.compactString();
    const controller = reader.int32();
    const [found] = reader.compactArray(() => {
      const topicError = reader.int16();
      reader.compactNullableString();
      const topicId = reader.uuid();
      reader.int8();
      const leaders = reader.compactArray(() => {
        reader.int16();
        const leader = [reader.int32(), reader.int32()] as const;
        reader.int32();
        for (let list = 0; list < 3; list += 1) reader.compactArray(() => reader.int32());
        reader.skipTags();
        return leader;
      });
      reader.int32();
      reader.skipTags();
      return { topicError, topicId, leaders: new Map(leaders.sort(([a], [b]) => a - b)) };
    });
    if (found === undefined) throw new RangeError('An answer to Metadata without the topic asked for.');
    return { clusterId, brokers: new Map(brokers), controller, ...found };
  },
});

import type { Broker } from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

/**
 * The only file that knows kafkajs's insides (2.2.4, pinned; `topic-id.kafka.test.ts` holds what it relies on). kafkajs asks
 * for metadata in version 6, and the id by which a topic that was made again is told from the old one came with version 10.
 */
type Sends = {
  connectionPool: {
    send<T>(call: {
      request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoder> };
      response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
    }): Promise<T>;
  };
};

const canSend = (broker: Broker): broker is Broker & Sends => 'connectionPool' in broker;

/** Version 12 is Kafka 3.1's. By name, without making the topic and without the list of operations that are allowed. */
const encode = async (topic: string): Promise<Encoder> => {
  // kafkajs writes the older header; a flexible version's ends with tagged fields, of which there are none.
  const header = new Encoder().writeUVarInt(0);
  const asked = new Encoder().writeBuffer(Buffer.alloc(16)).writeUVarIntString(topic).writeUVarInt(0);
  return header.writeUVarIntArray([asked]).writeBoolean(false).writeBoolean(false).writeUVarInt(0);
};

function decode(payload: Buffer): string | null {
  const reader = new Decoder(payload);
  reader.readTaggedFields();
  reader.readInt32();
  reader.readUVarIntArray((broker) => {
    broker.readInt32();
    broker.readUVarIntString();
    broker.readInt32();
    broker.readUVarIntString();
    broker.readTaggedFields();
  });
  const cluster = reader.readUVarIntString();
  reader.readInt32();
  // One topic was asked for; what comes after its id is of no interest.
  const found = reader.readUVarInt();
  const error = reader.readInt16();
  reader.readUVarIntString();
  if (found !== 2 || error !== 0) return null;
  return `${cluster}/${reader.readBytes(16).toString('hex')}`;
}

/** The cluster's id and the topic's; null when the broker knows no such topic just now. */
export async function askTopicId(broker: Broker, topic: string): Promise<string | null> {
  if (!canSend(broker)) throw new Error('kafkajs sends another way: pin version 2.2.4.');
  return broker.connectionPool.send<string | null>({
    request: { apiKey: 3, apiVersion: 12, apiName: 'Metadata', encode: () => encode(topic) },
    response: { decode: async (payload) => decode(payload), parse: async (id) => id },
  });
}

/** What `topic-id.ts` uses of kafkajs's insides, which have no types of their own. Read from kafkajs 2.2.4. */
declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    writeBuffer(value: Buffer): this;
    writeBoolean(value: boolean): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string): this;
    writeUVarIntArray(values: readonly Encoder[]): this;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(payload: Buffer);
    readInt16(): number;
    readInt32(): number;
    readUVarInt(): number;
    readUVarIntString(): string | null;
    readBytes(length: number): Buffer;
    readTaggedFields(): void;
    readUVarIntArray<T>(read: (decoder: Decoder) => T): T[];
  }
}

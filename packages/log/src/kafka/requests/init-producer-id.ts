import { failOn } from '../wire/protocol-error.ts';
import type { Request } from '../wire/request.ts';

export type ProducerId = { readonly producerId: bigint; readonly producerEpoch: number };

/** A new id, under which the broker numbers a producer's records and knows a repeated batch again. No transactions. */
export const initProducerId: Request<ProducerId> = {
  name: 'InitProducerId',
  apiKey: 22,
  version: 1,
  isFlexible: false,
  timeoutMs: 5_000,
  write: (writer) => {
    writer.nullString().int32(60_000);
  },
  read: (reader) => {
    reader.int32();
    failOn(reader.int16(), 'InitProducerId');
    return { producerId: reader.int64(), producerEpoch: reader.int16() };
  },
};

import type { MeantRequest } from './tcp-proxy.ts';

/** Kafka's numbers of its requests (kafka.apache.org/protocol). */
const [PRODUCE, HEARTBEAT] = [0, 12];
/** CQL's number of a request with many writes in it (native_protocol_v4.spec). */
const BATCH = 0x0d;

const isKafka = (request: Buffer, number: number): boolean => request.length > 6 && request.readInt16BE(4) === number;

/** Records, uncompressed, with this text in one of them. */
export const appendOf = (text: string): MeantRequest => ({
  what: `an append of ${text}`,
  isMeant: (request) => isKafka(request, PRODUCE) && request.includes(text),
});

/** A member of a group says that it is there. */
export const HEARTBEAT_REQUEST: MeantRequest = {
  what: 'a heartbeat',
  isMeant: (request) => isKafka(request, HEARTBEAT),
};

/** Many rows. */
export const BATCH_OF_ROWS: MeantRequest = {
  what: 'a batch of rows',
  isMeant: (request) => request.length > 9 && request[4] === BATCH,
};

/** A statement with this value bound. */
export const boundTo = (text: string): MeantRequest => ({
  what: `a statement with ${text}`,
  isMeant: (request) => request.includes(bound(text)),
});

const PUBLISHING = bound('on');

/** What sets the live pointer: whether it may be published, and eight bytes, when it was. */
export const POINTER_CHANGE: MeantRequest = {
  what: 'a change of the live pointer',
  isMeant: (request) => request.includes(Buffer.concat([PUBLISHING, Buffer.from([0, 0, 0, 8])])),
};

/** A text as CQL binds it. */
function bound(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

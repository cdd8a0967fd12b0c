import type { MeantRequest } from './tcp-proxy.ts';

/** Kafka's numbers of its requests (kafka.apache.org/protocol). */
const [PRODUCE, HEARTBEAT] = [0, 12];
/** CQL's numbers of a prepared statement and of many in one request, and how long a frame's header is (native_protocol_v4.spec). */
const [EXECUTE, BATCH] = [0x0a, 0x0d];
const HEADER_BYTES = 9;
/** Rows have more columns than keys, markers, positions and pointers have values. */
const MANY_VALUES = 20;

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

/** Rows: many at once, or, by a speed layer that is level with the log, one. */
export const ROWS: MeantRequest = {
  what: 'a write of rows',
  isMeant: (request) =>
    request.length > HEADER_BYTES &&
    (request[4] === BATCH || (request[4] === EXECUTE && valuesOf(request) > MANY_VALUES)),
};

/** How many values an EXECUTE binds: they stand behind its statement's id, the consistency and a byte of flags. */
function valuesOf(request: Buffer): number {
  const id = request.readUInt16BE(HEADER_BYTES);
  const at = HEADER_BYTES + 2 + id + 2 + 1;
  return at + 2 <= request.length ? request.readUInt16BE(at) : 0;
}

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

import type { Append, LogRecord } from '../port.ts';
import { CODECS, type CodecName, type Codecs } from './codecs.ts';
import { ByteReader } from './wire/byte-reader.ts';
import { ByteWriter } from './wire/byte-writer.ts';
import { crc32c } from './wire/crc32c.ts';

/**
 * Kafka's record batch, magic 2, as its documentation has it. Not kafkajs's own code for it: that makes an array of a
 * header called `__proto__`, can't send a null header, checks no checksum, and hides batches that hold no records.
 */
const MAGIC = 2;
const BYTES_BEFORE_LENGTH = 12;
/** From the batch's first byte to its attributes, where the checksum begins. */
const CHECKED_FROM = 21;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const ABORT_MARKER = 0;

/** What one answer's records may hold when they are decompressed: enough is enough, though more were asked for. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024;

/** The producer as the broker knows it, and the number of the batch's first record for the partition. */
export type Sequence = { readonly producerId: bigint; readonly producerEpoch: number; readonly first: number };

export function encodeBatch(
  records: readonly Append[],
  sequence: Sequence,
  codec: CodecName,
  codecs: Codecs,
  nowMs: number,
): Buffer {
  const body = new ByteWriter(64 * 1024);
  for (const [n, record] of records.entries()) writeRecord(body, record, n);
  const packed = codecs.compress(codec, body.finish());
  const batch = new ByteWriter(packed.length + 64)
    .int64(0n)
    .int32(0)
    .int32(-1)
    .int8(MAGIC)
    .uint32(0)
    .int16(CODECS.indexOf(codec))
    .int32(records.length - 1)
    .int64(BigInt(nowMs))
    .int64(BigInt(nowMs))
    .int64(sequence.producerId)
    .int16(sequence.producerEpoch)
    .int32(sequence.first)
    .int32(records.length)
    .raw(packed);
  batch.uint32At(8, batch.length - BYTES_BEFORE_LENGTH);
  const bytes = batch.finish();
  batch.uint32At(CHECKED_FROM - 4, crc32c(bytes.subarray(CHECKED_FROM)));
  return bytes;
}

function writeRecord(writer: ByteWriter, { key, value, headers = {} }: Append, offsetDelta: number): void {
  const names = Object.keys(headers);
  const record = new ByteWriter((key?.length ?? 0) + (value?.length ?? 0) + 64).int8(0).varint(0).varint(offsetDelta);
  writeBytes(record, key);
  writeBytes(record, value);
  record.varint(names.length);
  for (const name of names) {
    writeBytes(record, Buffer.from(name, 'utf8'));
    writeBytes(record, headers[name] ?? null);
  }
  const bytes = record.finish();
  writer.varint(bytes.length).raw(bytes);
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array | null): void {
  if (bytes === null) writer.varint(-1);
  else writer.varint(bytes.length).raw(bytes);
}

/** A transaction that another client took back: its records from `firstOffset` to its marker never happened. */
export type Aborted = { readonly producerId: bigint; readonly firstOffset: bigint };

export type Decoding = {
  readonly partition: number;
  /** A broker answers whole batches: what lies before is left out. */
  readonly from: bigint;
  readonly maxRecords: number;
  readonly aborted: readonly Aborted[];
  readonly codecs: Codecs;
};

export type Decoded = {
  readonly records: readonly LogRecord[];
  /** Behind the last record, or behind the last whole batch when all its records are in: markers and gaps are passed. */
  readonly next: bigint;
};

/** The records of a fetch's answer, whose last batch may be cut off. Throws when a checksum does not fit. */
export function decodeBatches(bytes: Buffer, decoding: Decoding): Decoded {
  const { from, maxRecords } = decoding;
  const records: LogRecord[] = [];
  const running = new Set<bigint>();
  const aborted = [...decoding.aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  let next = from;
  let decodedBytes = 0;
  for (let at = 0; hasWholeBatch(bytes, at) && decodedBytes < MAX_DECODED_BYTES; ) {
    const end = at + BYTES_BEFORE_LENGTH + bytes.readInt32BE(at + 8);
    const batch = readBatchHeader(bytes.subarray(at, end));
    at = end;
    for (let first = aborted[0]; first !== undefined && first.firstOffset <= batch.lastOffset; first = aborted[0]) {
      running.add(first.producerId);
      aborted.shift();
    }
    if (batch.attributes & CONTROL) {
      if (controlType(batch) === ABORT_MARKER) running.delete(batch.producerId);
    } else if (!(batch.attributes & TRANSACTIONAL && running.has(batch.producerId)) && batch.lastOffset >= from) {
      const body = decompress(batch, decoding.codecs);
      decodedBytes += body.length;
      if (!readRecords(batch, body, decoding, records)) return { records, next: (records.at(-1)?.offset ?? from) + 1n };
    }
    if (batch.lastOffset >= next) next = batch.lastOffset + 1n;
    if (records.length >= maxRecords) break;
  }
  return { records, next };
}

/** Whether a whole batch begins at `at`: an answer's size limit may cut the last one off. */
export const hasWholeBatch = (bytes: Buffer, at = 0): boolean =>
  bytes.length - at > CHECKED_FROM && bytes.length - at >= BYTES_BEFORE_LENGTH + bytes.readInt32BE(at + 8);

type Batch = {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly firstTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly count: number;
  readonly body: Buffer;
};

function readBatchHeader(bytes: Buffer): Batch {
  const reader = new ByteReader(bytes);
  const baseOffset = reader.int64();
  reader.at = 16;
  const magic = reader.int8();
  if (magic !== MAGIC) throw new RangeError(`A batch of format ${magic}: Kafka 4 knows format ${MAGIC} alone.`);
  const checksum = reader.uint32();
  if (crc32c(bytes.subarray(CHECKED_FROM)) !== checksum) {
    throw new RangeError(`The batch at offset ${baseOffset} is damaged: its checksum does not fit.`);
  }
  const attributes = reader.int16();
  const lastOffset = baseOffset + BigInt(reader.int32());
  const firstTimestampMs = Number(reader.int64());
  const maxTimestampMs = Number(reader.int64());
  const producerId = reader.int64();
  reader.at += 2 + 4;
  const count = reader.int32();
  const body = bytes.subarray(reader.at);
  return { baseOffset, lastOffset, attributes, firstTimestampMs, maxTimestampMs, producerId, count, body };
}

/** A control record's key holds its version and its type. */
function controlType({ body }: Batch): number {
  const reader = new ByteReader(body);
  reader.varint();
  reader.int8();
  reader.varint();
  reader.varint();
  reader.varint();
  reader.int16();
  return reader.int16();
}

const NO_HEADERS: LogRecord['headers'] = Object.freeze({});
const EMPTY = new Uint8Array();

function decompress({ attributes, body }: Batch, codecs: Codecs): Buffer {
  const codec = CODECS[attributes & CODEC_MASK];
  if (codec === undefined) throw new RangeError(`A batch in codec ${attributes & CODEC_MASK}, which no Kafka has.`);
  return codecs.decompress(codec, body);
}

/** Adds those from `from` on, until there are enough; answers whether all of them went in. */
function readRecords(
  batch: Batch,
  body: Buffer,
  { partition, from, maxRecords }: Decoding,
  records: LogRecord[],
): boolean {
  const reader = new ByteReader(body);
  for (let n = 0; n < batch.count; n += 1) {
    if (records.length >= maxRecords) return false;
    const end = reader.varint() + reader.at;
    reader.at += 1;
    const delta = reader.varint();
    const offset = batch.baseOffset + BigInt(reader.varint());
    if (offset >= from) {
      const timestampMs = batch.attributes & LOG_APPEND_TIME ? batch.maxTimestampMs : batch.firstTimestampMs + delta;
      const key = readBytes(reader);
      const value = readBytes(reader);
      records.push({ partition, offset, key, value, headers: readHeaders(reader), timestampMs });
    }
    reader.at = end;
  }
  return true;
}

function readBytes(reader: ByteReader): Uint8Array | null {
  const length = reader.varint();
  return length < 0 ? null : reader.raw(length);
}

/** Of headers with one name the last counts, as Kafka's `lastHeader` has it. A null header reads as an empty one. */
function readHeaders(reader: ByteReader): LogRecord['headers'] {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  const headers: [string, Uint8Array][] = [];
  for (let n = 0; n < count; n += 1) {
    const name = reader.raw(reader.varint()).toString('utf8');
    headers.push([name, readBytes(reader) ?? EMPTY]);
  }
  return Object.fromEntries(headers);
}

import { gunzipSync, gzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import { decompress as unzstd } from 'fzstd';
import kafkajs from 'kafkajs';
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { compressSync, uncompressSync } from 'snappy';

/** How a batch's records are compressed, by the number that its attributes carry. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type CodecName = (typeof CODECS)[number];

export type Codecs = {
  compress(codec: CodecName, bytes: Buffer): Buffer;
  decompress(codec: CodecName, bytes: Buffer): Buffer;
};

/** Kafka's Java clients frame snappy as the xerial library does: a magic, two versions, then length-prefixed blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

function unsnap(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return raw(bytes);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    blocks.push(raw(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function raw(block: Buffer): Buffer {
  const bytes = uncompressSync(block, { asBuffer: true });
  return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Every codec that a Kafka client may have used. zstd is compressed by WebAssembly and decompressed by JavaScript, which is
 * thirty times as fast as that package's own way out of its memory, and needs no guess where a frame does not say how large
 * its content is: the Java clients' do not.
 */
export async function loadCodecs(): Promise<Codecs> {
  const zstd = await Zstd.load();
  return {
    compress: (codec, bytes) => {
      switch (codec) {
        case 'none':
          return bytes;
        case 'gzip':
          return gzipSync(bytes);
        case 'snappy':
          return compressSync(bytes);
        case 'lz4':
          return compressFrameSync(bytes);
        case 'zstd':
          return asBuffer(zstd.compress(bytes));
      }
    },
    decompress: (codec, bytes) => {
      switch (codec) {
        case 'none':
          return bytes;
        case 'gzip':
          return gunzipSync(bytes);
        case 'snappy':
          return unsnap(bytes);
        case 'lz4':
          return decompressFrameSync(bytes);
        case 'zstd':
          return asBuffer(unzstd(bytes));
      }
    },
  };
}

/** The number by which Kafka, and so kafkajs, knows a codec. */
export const numberOf = (codec: CodecName): number => CODECS.indexOf(codec);

/** Makes kafkajs know them all: a batch in an unknown codec would stop a reader for good. For the whole process. */
export async function registerCodecs(): Promise<void> {
  const codecs = await loadCodecs();
  for (const codec of CODECS.slice(1)) {
    const registered = {
      compress: async ({ buffer }: { buffer: Buffer }) => codecs.compress(codec, buffer),
      decompress: async (bytes: Buffer) => codecs.decompress(codec, bytes),
    };
    Object.assign(kafkajs.CompressionCodecs, { [numberOf(codec)]: () => registered });
  }
}

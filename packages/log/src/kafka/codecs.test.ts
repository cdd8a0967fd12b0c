import { Zstd } from '@hpcc-js/wasm-zstd';
import { compressSync } from 'snappy';
import { beforeAll, describe, expect, test } from 'vitest';
import { CODECS, type Codecs, loadCodecs } from './codecs.ts';

let codecs: Codecs;
beforeAll(async () => {
  codecs = await loadCodecs();
});

const repetitive = (size: number) => Buffer.alloc(size, '{"event_type":"order_placed"}');

test.each(CODECS)('%s gives back what it was given, empty and large', (codec) => {
  for (const size of [0, 1, 1_000, 5_000_000]) {
    const bytes = repetitive(size);
    expect(codecs.decompress(codec, codecs.compress(codec, bytes)).equals(bytes)).toBe(true);
  }
});

test('snappy in the blocks of the xerial library, as the Java clients send it', () => {
  const parts = [repetitive(40_000), Buffer.from('x'), repetitive(7)];
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const blocks = parts.flatMap((part) => {
    const block = compressSync(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    return [length, block];
  });
  expect(codecs.decompress('snappy', Buffer.concat([header, ...blocks])).equals(Buffer.concat(parts))).toBe(true);
});

describe('zstd in a stream, as the Java clients send it', () => {
  test.each([10, 1024 * 1024, 5_000_000, 40_000_000])('of %i bytes that compress to almost nothing', async (size) => {
    const zstd = await Zstd.load();
    const bytes = repetitive(size);
    zstd.reset();
    const half = Math.floor(size / 2);
    const stream = [
      zstd.compressChunk(bytes.subarray(0, half)),
      zstd.compressChunk(bytes.subarray(half)),
      zstd.compressEnd(),
    ];
    expect(codecs.decompress('zstd', Buffer.concat(stream)).equals(bytes)).toBe(true);
  });
});

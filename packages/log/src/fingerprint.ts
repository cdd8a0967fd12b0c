import { createHash, type Hash } from 'node:crypto';
import type { LogRecord } from './port.ts';

/** Lengths go before contents, so that no two records spell the same; −1 tells null from empty. */
function addBytes(hash: Hash, bytes: Uint8Array | null): void {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes === null ? -1 : bytes.length);
  hash.update(length);
  if (bytes !== null) hash.update(bytes);
}

/**
 * SHA-256, in hex, over a record's offset, key, value and headers: kept with a position, and compared when that record
 * is read again at start. Not over its timestamp, which a restored log may set anew. Headers count in order of name.
 */
export function fingerprint(record: Pick<LogRecord, 'offset' | 'key' | 'value' | 'headers'>): string {
  const hash = createHash('sha256');
  const offset = Buffer.alloc(8);
  offset.writeBigInt64BE(record.offset);
  hash.update(offset);
  addBytes(hash, record.key);
  addBytes(hash, record.value);
  const names = Object.keys(record.headers).sort();
  for (const name of names) {
    addBytes(hash, Buffer.from(name, 'utf8'));
    addBytes(hash, record.headers[name] ?? null);
  }
  return hash.digest('hex');
}

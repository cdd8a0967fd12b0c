import { hash } from 'node:crypto';
import type { LogRecord } from './port.ts';

/** Lengths go before contents, so that no two records spell the same; −1 tells null from empty. */
function spelled(bytes: Uint8Array | null): readonly Uint8Array[] {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes === null ? -1 : bytes.length);
  return bytes === null ? [length] : [length, bytes];
}

/**
 * SHA-256, in hex, over a record's offset, key, value and headers: kept with a position, and compared when that record
 * is read again at start. Not over its timestamp, which a restored log may set anew. Headers count in order of name.
 */
export function fingerprint(record: Pick<LogRecord, 'offset' | 'key' | 'value' | 'headers'>): string {
  const offset = Buffer.alloc(8);
  offset.writeBigInt64BE(record.offset);
  const headers = Object.keys(record.headers)
    .sort()
    .flatMap((name) => [...spelled(Buffer.from(name, 'utf8')), ...spelled(record.headers[name] ?? null)]);
  return hash('sha256', Buffer.concat([offset, ...spelled(record.key), ...spelled(record.value), ...headers]), 'hex');
}

import { LogError } from './error.ts';
import type { Append } from './port.ts';

/** Key, value and headers of one record together: Kafka's default limit, kept by every log so that a move succeeds. */
export const MAX_RECORD_BYTES = 1_048_576;

/** The bytes that count against the limit. */
export function bytesOf(record: Append): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const name in record.headers) bytes += Buffer.byteLength(name) + (record.headers[name]?.length ?? 0);
  return bytes;
}

/** Throws for a record that no log of ours takes. */
export function checkRecord(record: Append): void {
  const bytes = bytesOf(record);
  if (bytes > MAX_RECORD_BYTES) {
    throw new LogError(
      'TIDEMARK_LOG_RECORD_TOO_LARGE',
      `A record has ${bytes} bytes, and the limit is ${MAX_RECORD_BYTES}. Send it in parts, or leave out what is not needed.`,
    );
  }
  for (const name in record.headers) {
    if (name.includes('\0') || /\p{Surrogate}/u.test(name)) {
      throw new LogError('TIDEMARK_LOG_BAD_HEADER', 'A header name is text without NUL and without half characters.');
    }
  }
}

import type { ReadResult } from '../port.ts';
import type { Reader } from '../reader.ts';

/** What is read at once and handed out in parts: a consumer's queue for a partition, which holds two of them at most. */
const CHUNK_RECORDS = 8_000;

type Chunk = { readonly from: bigint; readonly result: ReadResult };

/**
 * Reads one partition ahead for a single consumer: while it works on a part the next chunk is on its way, and only one,
 * however slow it is. Made anew for each assignment, so that nothing read before is ever delivered after.
 */
export function createReadAhead(reader: Reader): Reader {
  let chunk: Chunk | null = null;
  let ahead: { readonly from: bigint; readonly result: Promise<ReadResult> } | null = null;

  return {
    read: async (partition, from, options) => {
      const fetch = (at: bigint) => reader.read(partition, at, { ...options, maxRecords: CHUNK_RECORDS });
      if (chunk?.from !== from) {
        const result = await (ahead?.from === from ? ahead.result : fetch(from));
        chunk = { from, result };
        ahead = { from: result.next, result: fetch(result.next) };
        // Who asks for it hears of the failure.
        ahead.result.catch(() => {});
      }
      const { records, next, level } = chunk.result;
      const part = records.slice(0, options.maxRecords);
      const rest = records.slice(options.maxRecords);
      const [first] = rest;
      if (first === undefined) {
        chunk = null;
        return { records: part, next, level };
      }
      chunk = { from: first.offset, result: { records: rest, next, level } };
      return { records: part, next: first.offset, level: false };
    },
  };
}

import type { Append, LogRecord } from './port.ts';

const GENERATION_HEADER = 'tidemark-barrier';
const AT_HEADER = 'tidemark-barrier-at';

/** A barrier as it stands in one partition. */
export type Barrier = {
  /** The run's number: records before it and after the barrier before it have a lower epoch. */
  readonly generation: number;
  /** The run's wall clock when it froze its cut, UTC milliseconds. The same in every partition. */
  readonly atMs: number;
};

const decimal = (value: number): Uint8Array => new TextEncoder().encode(String(value));

/** The barrier record of a run for one partition. Every partition gets its own. */
export function barrierRecord(generation: number, atMs: number, partition: number): Append {
  if (!Number.isSafeInteger(generation) || generation < 1)
    throw new RangeError('A generation is a whole number from 1.');
  if (!Number.isSafeInteger(atMs) || atMs < 0)
    throw new RangeError('A barrier is set at UTC milliseconds, not negative.');
  return {
    key: null,
    value: null,
    headers: { [GENERATION_HEADER]: decimal(generation), [AT_HEADER]: decimal(atMs) },
    partition,
  };
}

type Headers = Pick<LogRecord, 'headers'>;

/**
 * Whether the record claims to be a barrier. Such a record is neither event nor dead letter, for both layers, even when
 * `barrierOf` can't read it: what a header says must not decide whether bytes are an event, only whether they are looked at.
 */
export const hasBarrierHeader = (record: Headers): boolean => Object.hasOwn(record.headers, GENERATION_HEADER);

function wholeNumber(bytes: Uint8Array | undefined): number | null {
  // One spelling for each number, so that two readers can't differ: no sign, no blanks, no leading zero.
  if (bytes === undefined || bytes.length > 16) return null;
  const text = new TextDecoder('latin1').decode(bytes);
  if (!/^(0|[1-9][0-9]*)$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** The barrier that the record is; null for any other record, a malformed barrier too. Pure. */
export function barrierOf(record: Headers): Barrier | null {
  if (!hasBarrierHeader(record)) return null;
  const generation = wholeNumber(record.headers[GENERATION_HEADER]);
  const atMs = wholeNumber(Object.hasOwn(record.headers, AT_HEADER) ? record.headers[AT_HEADER] : undefined);
  return generation === null || generation < 1 || atMs === null ? null : { generation, atMs };
}

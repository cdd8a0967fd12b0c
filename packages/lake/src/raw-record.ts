import type { ParseResult } from '@tidemark/contracts';
import type { ParquetColumn, ParquetValue } from './parquet-writer.ts';

/** Where a record stands: in the log, or in the import it belongs to (whose number the manifest gives). */
export type Place =
  | { readonly epoch: number; readonly partition: number; readonly offset: bigint }
  | { readonly row: number };

/**
 * A record on its way into the lake: its bytes, and what they were found to be. Barriers are no records of history: the
 * manifest entry of their range names them.
 */
export type LandingRecord = {
  readonly place: Place;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  /** The log's append time, UTC ms; null in imports. */
  readonly timestampMs: number | null;
  readonly parsed: ParseResult;
};

/** A record as the lake gives it back: bytes only, to be judged anew by whoever reads it. */
export type RawRecord = { readonly place: Place; readonly value: Uint8Array };

/** Columns of the events files: the record exactly as it came, its envelope beside it. */
export const EVENT_FILE_COLUMNS: readonly ParquetColumn[] = [
  { name: 'epoch', type: 'INTEGER' },
  { name: 'partition', type: 'INTEGER' },
  { name: 'position', type: 'BIGINT' },
  { name: 'timestamp_ms', type: 'BIGINT' },
  { name: 'reject_code', type: 'VARCHAR' },
  { name: 'event_id', type: 'VARCHAR' },
  { name: 'event_type', type: 'VARCHAR' },
  { name: 'customer_id', type: 'VARCHAR' },
  { name: 'occurred_at', type: 'BIGINT' },
  { name: 'record_key', type: 'BLOB' },
  { name: 'raw', type: 'BLOB' },
];

/** The values of a record in the columns of the events files. */
export function eventFileValues({ place, key, value, timestampMs, parsed }: LandingRecord): readonly ParquetValue[] {
  const event = parsed.ok ? parsed.event : null;
  return [
    ...placeValues(place),
    timestampMs === null ? null : BigInt(timestampMs),
    parsed.ok ? null : parsed.code,
    event?.event_id ?? null,
    event?.event_type ?? null,
    event?.customer_id ?? null,
    event ? BigInt(event.occurred_at) : null,
    key,
    value,
  ];
}

/** Epoch, partition and position. */
export const placeValues = (place: Place): readonly ParquetValue[] =>
  'row' in place ? [null, null, BigInt(place.row)] : [place.epoch, place.partition, place.offset];

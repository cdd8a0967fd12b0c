import { ViewsError } from '../error.ts';

/*
 * In Cassandra the write with the highest timestamp wins, cell by cell, and of equal ones the delete, then the greater
 * bytes. In the speed tables these timestamps are offsets of the log, never a clock's: so a row is what the furthest writer
 * made of it, however late a slower one's write arrives.
 *
 * - A row whose last offset is n is written at n + 1, all columns of it; so is a position. Whoever writes it again at the
 *   same offset writes the same bytes.
 * - A delete with the cut c is at c. It takes the timestamps up to c: rows with n + 1 ≤ c, that is n < c. A row with n ≥ c
 *   was written at c + 1 or later, and stays.
 * - A touched marker has no offset. It is written at 1, below every delete with a cut of 1 or more (a cut of 0 has no rows
 *   below it). It is deleted only when its row is gone, at the same cut as the row; what is written again after that is as
 *   shadowed as its row, so that neither comes back without the other. It can't hide one that counts: epochs that are
 *   cleaned have got their barrier, and no record behind the cut belongs to them.
 */

const MAX_TIMESTAMP = 2n ** 63n - 1n;

/** Of a row or position that is as of `offset`. */
export function writeTimestamp(offset: bigint): bigint {
  if (offset < MAX_TIMESTAMP) return offset + 1n;
  throw new ViewsError('TIDEMARK_VIEWS_VALUE', 'Nothing was written: an offset leaves no timestamp above it.');
}

/** Of a touched marker, and of the directory's entry for its shard. */
export const MARKER_TIMESTAMP = 1n;

/** Of how far a shard is cleaned: always the same one, so that of two values the greater wins, and it never falls. */
export const CLEANED_TIMESTAMP = 2n;

/** Of the deletes of a marker or an entry with a cut: above what is to be deleted, even where the cut is at the start. */
export function deleteTimestamp(cut: bigint): bigint {
  return cut > CLEANED_TIMESTAMP ? cut : CLEANED_TIMESTAMP;
}

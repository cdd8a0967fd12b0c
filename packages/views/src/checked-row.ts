import { isIdentifier } from '@tidemark/contracts';
import type { Column } from '@tidemark/metrics';
import { checkNumber, checkOffset, checkScore, checkState, checkText, checkTimestamp } from './checked-value.ts';
import { ViewsError } from './error.ts';
import type { BatchRow, Candidate, DeadLetter, DeltaKey, DeltaRow, LivePointer, Position, Serving } from './port.ts';

/* What every adapter checks of a whole row before it writes it; each throws TIDEMARK_VIEWS_VALUE. */

function checkCustomerId(customerId: string): void {
  if (isIdentifier(customerId)) return;
  throw new ViewsError(
    'TIDEMARK_VIEWS_VALUE',
    'Nothing was written: a customer id is empty, too long or has a control character.',
  );
}

export function checkBatchRow(columns: readonly Column[], row: BatchRow): void {
  checkCustomerId(row.customerId);
  checkNumber(row.generation, 'a generation');
  if (row.state !== null) checkState(columns, row.state);
}

export function checkDeltaKey(key: DeltaKey): void {
  checkCustomerId(key.customerId);
  checkNumber(key.epoch, 'an epoch');
  checkNumber(key.partition, 'a partition');
}

export function checkDeltaRow(columns: readonly Column[], row: DeltaRow): void {
  checkDeltaKey(row);
  checkOffset(row.lastOffset);
  checkState(columns, row.state);
  if (row.ids.length % 8 !== 0) {
    throw new ViewsError('TIDEMARK_VIEWS_VALUE', 'Nothing was written: the ids of a delta are 8 bytes each.');
  }
}

export function checkPosition(partition: number, position: Position): void {
  checkNumber(partition, 'a partition');
  checkOffset(position.offset);
  checkNumber(position.epoch, 'an epoch');
  if (position.previousEpoch !== null) checkNumber(position.previousEpoch, 'an epoch');
  checkText(position.fingerprint, 'a fingerprint');
  checkText(position.logId, 'a log id');
}

export function checkDeadLetter(letter: DeadLetter): void {
  checkNumber(letter.partition, 'a partition');
  checkOffset(letter.offset);
  checkText(letter.code, 'a code');
}

export function checkPointer(pointer: LivePointer): void {
  checkNumber(pointer.generation, 'a generation');
  checkNumber(pointer.floor, 'a floor');
  for (const generation of pointer.excluded) checkNumber(generation, 'an excluded generation');
  checkText(pointer.logId, 'a log id');
  for (const [partition, offset] of pointer.cut.partitions) {
    checkNumber(partition, 'a partition');
    checkOffset(offset);
  }
  checkNumber(pointer.cut.imports, 'a number of imports');
  checkTimestamp(pointer.barrierAtMs, 'the time of a barrier');
  checkTimestamp(pointer.publishedAtMs, 'the time of publishing');
}

export function checkServing(serving: Serving): void {
  checkText(serving.serving, 'a definition id');
  if (serving.previous !== null) checkText(serving.previous, 'a definition id');
  if (serving.untilMs !== null) checkTimestamp(serving.untilMs, 'an until');
}

export function checkCandidateList(generation: number, list: string, candidates: readonly Candidate[]): void {
  checkNumber(generation, 'a generation');
  checkText(list, 'the name of a list');
  for (const { customerId, score } of candidates) {
    checkCustomerId(customerId);
    checkScore(score);
  }
}

/** Own fields of the stored rows, which no column of a state may be called. */
const RESERVED: ReadonlySet<string> = new Set([
  'customer_id',
  'generation',
  'empty',
  'epoch',
  'partition',
  'last_offset',
  'ids',
]);

/** Throws TIDEMARK_VIEWS_DEFINITION unless every store can make tables of it. */
export function checkDefinition(definition: { readonly id: string; readonly columns: readonly Column[] }): void {
  const { id, columns } = definition;
  if (!/^[0-9a-f]{1,40}$/.test(id)) {
    throw new ViewsError('TIDEMARK_VIEWS_DEFINITION', 'A definition id is 1 to 40 digits of lower-case hex.');
  }
  const seen = new Set<string>();
  for (const { name } of columns) {
    const usable = /^[a-z][a-z0-9_]{0,47}$/.test(name) && !RESERVED.has(name) && !seen.has(name);
    if (!usable) {
      throw new ViewsError(
        'TIDEMARK_VIEWS_DEFINITION',
        `Definition ${id} can't have a column '${name}': it is taken or no identifier.`,
      );
    }
    seen.add(name);
  }
}

/** Throws TIDEMARK_VIEWS_DEFINITION when the tables of the definition were made of other columns. */
export function checkSameColumns(id: string, stored: readonly Column[], given: readonly Column[]): void {
  const line = (columns: readonly Column[]): string => columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  if (line(stored) !== line(given)) {
    const message = `The tables of definition ${id} have other columns. Views are never migrated: give the changed definition its own id.`;
    throw new ViewsError('TIDEMARK_VIEWS_DEFINITION', message);
  }
}

export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000) throw new RangeError(`${limit} is no page size.`);
}

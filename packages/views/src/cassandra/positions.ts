import type { Position } from '../port.ts';
import type { Statements } from './connection.ts';
import { writeTimestamp } from './offset-timestamp.ts';
import { insertInto } from './state-codec.ts';
import { EMPTY, int32Bytes, int64Bytes, textBytes } from './wire-bytes.ts';
import { bigintOf, longOf, numberOf, type Row, textOf } from './wire-value.ts';

/** The one partition that holds all positions. */
const ALL = int32Bytes(0);

/** How far each partition of the log is folded; ordered by offsets as the speed rows are. */
export class Positions {
  readonly #connection: Statements;
  readonly #select: string;
  readonly #insert: string;

  constructor(connection: Statements, table: string) {
    const names = ['partition', '"offset"', 'epoch', 'previous_epoch', 'fingerprint', 'log_id'];
    this.#connection = connection;
    this.#select = `SELECT ${names.join(', ')} FROM ${table} WHERE log = ?`;
    this.#insert = insertInto(table, ['log', ...names], ' USING TIMESTAMP ?');
  }

  async read(): Promise<ReadonlyMap<number, Position>> {
    const rows = await this.#connection.rows({ cql: this.#select, values: [ALL] });
    return new Map(rows.map((row) => [numberOf(row.partition), decode(row)]));
  }

  async write(partition: number, { offset, epoch, previousEpoch, fingerprint, logId }: Position): Promise<void> {
    const values = [
      ALL,
      int32Bytes(partition),
      int64Bytes(offset),
      int32Bytes(epoch),
      previousEpoch === null ? EMPTY : int32Bytes(previousEpoch),
      textBytes(fingerprint),
      textBytes(logId),
      longOf(writeTimestamp(offset)),
    ];
    await this.#connection.write([{ cql: this.#insert, values, key: ALL }]);
  }
}

function decode({ offset, epoch, previous_epoch, fingerprint, log_id }: Row): Position {
  return {
    offset: bigintOf(offset),
    epoch: numberOf(epoch),
    previousEpoch: previous_epoch === null ? null : numberOf(previous_epoch),
    fingerprint: textOf(fingerprint),
    logId: textOf(log_id),
  };
}

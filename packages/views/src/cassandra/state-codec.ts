import type { Column } from '@tidemark/metrics';
import type { StoredState } from '../port.ts';
import { CASSANDRA_TYPES } from './column-type.ts';
import { quoted } from './schema.ts';
import type { Row } from './wire-value.ts';

/** The columns of a definition's states, in statements and in rows. */
export class StateCodec {
  readonly columns: readonly Column[];
  /** Quoted, for statements. */
  readonly names: readonly string[];

  constructor(columns: readonly Column[]) {
    this.columns = columns;
    this.names = columns.map(({ name }) => quoted(name));
  }

  /** What to bind, in the order of the names. A null state is null in every column. */
  encode(state: StoredState | null): readonly Buffer[] {
    return this.columns.map(({ type }, index) => CASSANDRA_TYPES[type].encode(state?.[index] ?? null));
  }

  decode(row: Row): StoredState {
    return this.columns.map(({ name, type }) => CASSANDRA_TYPES[type].decode(row[name]));
  }
}

/** An insert of these columns, all by parameters. */
export function insertInto(table: string, names: readonly string[], using = ''): string {
  return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})${using}`;
}

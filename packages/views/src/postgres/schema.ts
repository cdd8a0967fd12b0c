import type { Column } from '@tidemark/metrics';
import { quoteIdentifier } from '@tidemark/postgres';
import { POSTGRES_TYPES } from './column-type.ts';

/** Everything lives in one schema of its own. */
export const SCHEMA = 'tidemark_views';

/** Held while tables are made or dropped, and at no other time: processes start at once. */
export const DDL_LOCK = 7_310_034_210_518_201n;

/** Shared by all definitions. Ids compare by bytes everywhere, whatever the database's locale is. */
export const SHARED_TABLES = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${SCHEMA}.definition (
  id text COLLATE "C" PRIMARY KEY,
  columns jsonb NOT NULL
);
ALTER TABLE ${SCHEMA}.definition
  ADD COLUMN IF NOT EXISTS life integer NOT NULL DEFAULT 1,
  ADD COLUMN IF NOT EXISTS dropped boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.live_pointer (
  definition text COLLATE "C" PRIMARY KEY,
  generation integer NOT NULL,
  floor integer NOT NULL,
  excluded integer[] NOT NULL,
  log_id text NOT NULL,
  cut jsonb NOT NULL,
  imports integer NOT NULL,
  barrier_at timestamptz NOT NULL,
  publishing text NOT NULL CHECK (publishing IN ('on', 'paused')),
  published_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS ${SCHEMA}.serving (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  serving text NOT NULL,
  previous text,
  until timestamptz
);`;

export type TableName = 'batch' | 'delta' | 'touched' | 'position' | 'candidate' | 'processing_errors';

const TABLE_NAMES: readonly TableName[] = ['batch', 'delta', 'touched', 'position', 'candidate', 'processing_errors'];

/** `set`: the name of a definition's set of tables, `tableSet`. */
export function table(name: TableName, set: string): string {
  return `${SCHEMA}.${quoteIdentifier(`${name}_${set}`)}`;
}

/** Dead letters are kept by definition, as its rules decide what is one; so a rebuild under new rules begins with none. */
export function createTables(set: string, columns: readonly Column[]): string {
  const of = (name: TableName): string => table(name, set);
  const typed = (notNull: string): string =>
    columns
      .map(
        ({ name, type }) =>
          `${quoteIdentifier(name)} ${POSTGRES_TYPES[type].sql}${type === 'int64' ? notNull : ''},\n  `,
      )
      .join('');
  return `
CREATE TABLE ${of('batch')} (
  customer_id text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  empty boolean NOT NULL,
  ${typed('')}PRIMARY KEY (customer_id, generation)
);
CREATE TABLE ${of('delta')} (
  customer_id text COLLATE "C" NOT NULL,
  epoch integer NOT NULL,
  partition integer NOT NULL,
  last_offset bigint NOT NULL,
  ids bytea NOT NULL,
  ${typed(' NOT NULL')}PRIMARY KEY (customer_id, epoch, partition)
) WITH (fillfactor = 80);
CREATE TABLE ${of('touched')} (
  customer_id text COLLATE "C" NOT NULL,
  epoch integer NOT NULL,
  partition integer NOT NULL,
  PRIMARY KEY (customer_id, epoch, partition)
);
CREATE INDEX ON ${of('touched')} (partition, epoch);
CREATE TABLE ${of('position')} (
  partition integer PRIMARY KEY,
  "offset" bigint NOT NULL,
  epoch integer NOT NULL,
  previous_epoch integer,
  fingerprint text NOT NULL,
  log_id text NOT NULL
) WITH (fillfactor = 20);
CREATE TABLE ${of('candidate')} (
  generation integer NOT NULL,
  list text NOT NULL,
  customer_ids text[] NOT NULL,
  scores numeric(38,0)[] NOT NULL,
  PRIMARY KEY (generation, list)
);
CREATE TABLE ${of('processing_errors')} (
  partition integer NOT NULL,
  "offset" bigint NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (partition, "offset")
);`;
}

export function dropTables(set: string): string {
  return `DROP TABLE IF EXISTS ${TABLE_NAMES.map((name) => table(name, set)).join(', ')}`;
}

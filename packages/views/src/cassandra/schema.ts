import { createHash } from 'node:crypto';
import type { Column } from '@tidemark/metrics';
import { CASSANDRA_TYPES } from './column-type.ts';

/** A definition's own tables. */
export const TABLE_NAMES = [
  'batch',
  'touched',
  'directory',
  'position',
  'candidate',
  'processing_errors',
  'error_index',
  // The last to be dropped: a definition has tables as long as it has this one.
  'delta',
] as const;
export type TableName = (typeof TABLE_NAMES)[number];

/** The tables that all definitions share. */
export const SHARED_NAMES = ['definition', 'live_pointer', 'serving'] as const;
export type SharedName = (typeof SHARED_NAMES)[number];

/** A table as it has to be: its columns with their types, in the words of `system_schema.columns`. */
export type TableSchema = {
  readonly name: string;
  readonly columns: ReadonlyMap<string, string>;
  /** Primary key, and how the table is kept. */
  readonly key: string;
  readonly options: readonly string[];
};

/** Names are lower-case identifiers; the quotes are for those that CQL has a meaning for. */
export const quoted = (name: string): string => `"${name}"`;

export const tableName = (name: TableName, set: string): string => `${name}_${set}`;

export const qualified = (keyspace: string, table: string): string => `${quoted(keyspace)}.${quoted(table)}`;

/**
 * Unified compaction for all: it goes by density, not by time of writing, which is an offset here. Written more than read
 * (T4: tiers of four), or read more than written (L4: levels of four).
 */
const compaction = (scaling: 'T4' | 'L4'): string =>
  `compaction = {'class': 'UnifiedCompactionStrategy', 'scaling_parameters': '${scaling}'}`;

/**
 * How long a delete is remembered, for a node that missed it: a day, which is longer than hints are kept. A row that comes
 * back after all is below the floor, where nobody reads it, so there is no harm in being brief; and reads get past fewer.
 */
const REMEMBER_DELETES = 'gc_grace_seconds = 86400';

/** Of what a few reads a second go to, keys and rows stay in memory; the files of the rest are in the system's cache. */
const CACHE_ROWS = "caching = {'keys': 'ALL', 'rows_per_partition': 'ALL'}";

const KEYS = { customer_id: 'text' } as const;

function table(
  name: string,
  columns: Readonly<Record<string, string>>,
  key: string,
  ...options: string[]
): TableSchema {
  return { name, columns: new Map(Object.entries(columns)), key, options: [...options, REMEMBER_DELETES] };
}

/** A definition's set of tables. Partitions are bounded: each comment says by what. */
export function definitionTables(set: string, columns: readonly Column[]): readonly TableSchema[] {
  const of = (name: TableName): string => tableName(name, set);
  const state = Object.fromEntries(columns.map(({ name, type }) => [name, CASSANDRA_TYPES[type].cql]));
  const schemas: Record<TableName, TableSchema> = {
    // One customer's versions, which are cleaned below the floor.
    batch: table(
      of('batch'),
      { ...KEYS, generation: 'int', empty: 'boolean', ...state },
      '(customer_id, generation)',
      'CLUSTERING ORDER BY (generation DESC)',
      compaction('L4'),
    ),
    // One customer's deltas. By epoch first: one slice reads those from a generation on.
    delta: table(
      of('delta'),
      { ...KEYS, epoch: 'int', partition: 'int', last_offset: 'bigint', ids: 'blob', ...state },
      '(customer_id, epoch, partition)',
      compaction('T4'),
    ),
    // The customers of an eighth of an epoch: 100 MB are 1.4 million of them, at 70 bytes each.
    touched: table(
      of('touched'),
      { epoch: 'int', partition: 'int', shard: 'int', ...KEYS },
      '((epoch, partition, shard), customer_id)',
      compaction('T4'),
    ),
    // Which partitions `touched` and `error_index` have. Newest epochs first: what was cleaned is behind what is read.
    directory: table(
      of('directory'),
      {
        kind: 'text',
        epoch: 'int',
        partition: 'int',
        part: 'bigint',
        cleaned: 'text',
        counts: 'frozen<map<text, bigint>>',
      },
      '(kind, epoch, partition, part)',
      'CLUSTERING ORDER BY (epoch DESC, partition ASC, part ASC)',
      compaction('T4'),
      CACHE_ROWS,
    ),
    // One row a partition of the log, all together: they are read together, several times a second.
    position: table(
      of('position'),
      {
        log: 'int',
        partition: 'int',
        offset: 'bigint',
        epoch: 'int',
        previous_epoch: 'int',
        fingerprint: 'text',
        log_id: 'text',
      },
      '(log, partition)',
      compaction('T4'),
      CACHE_ROWS,
    ),
    // All lists of a generation: some dozens. A list is a row, of some thousands of customers.
    candidate: table(
      of('candidate'),
      { generation: 'int', list: 'text', customer_ids: 'frozen<list<text>>', scores: 'frozen<list<varint>>' },
      '(generation, list)',
      compaction('L4'),
    ),
    // One record, as large as the log lets it be.
    processing_errors: table(
      of('processing_errors'),
      { partition: 'int', offset: 'bigint', code: 'text', reason: 'text', bytes: 'blob' },
      `((partition, ${quoted('offset')}))`,
      compaction('T4'),
    ),
    // The dead letters among 2^18 offsets: 9 MB if all of them are.
    error_index: table(
      of('error_index'),
      { partition: 'int', part: 'bigint', offset: 'bigint', code: 'text' },
      `((partition, part), ${quoted('offset')})`,
      compaction('L4'),
    ),
  };
  return TABLE_NAMES.map((name) => schemas[name]);
}

/** Rows that are only ever changed by compare-and-set. `attempt` names the write that made a row, `replaced` the one before. */
const COMPARED = { attempt: 'uuid', replaced: 'uuid' } as const;

export const SHARED_TABLES: readonly TableSchema[] = [
  table(
    'definition',
    { id: 'text', columns: 'text', life: 'int', incarnation: 'uuid', dropping: 'boolean', ...COMPARED },
    '(id)',
  ),
  table(
    'live_pointer',
    {
      definition: 'text',
      generation: 'int',
      floor: 'int',
      excluded: 'frozen<list<int>>',
      log_id: 'text',
      cut: 'frozen<map<int, bigint>>',
      imports: 'int',
      barrier_at: 'timestamp',
      publishing: 'text',
      published_at: 'timestamp',
      ...COMPARED,
    },
    '(definition)',
  ),
  table('serving', { only: 'int', serving: 'text', previous: 'text', until: 'timestamp', ...COMPARED }, '(only)'),
];

/**
 * The statement that makes a table. With an id that all who make it at the same time agree on, it is one and the same table
 * whichever node each of them asks; with ids of the nodes' own the rows of all but one would be lost.
 */
export function createTable(
  keyspace: string,
  { name, columns, key, options }: TableSchema,
  incarnation: string,
): string {
  const lines = [...columns].map(([column, type]) => `${quoted(column)} ${type}, `).join('');
  const settings = [`id = '${tableId(incarnation, name)}'`, ...options].join(' AND ');
  return `CREATE TABLE IF NOT EXISTS ${qualified(keyspace, name)} (${lines}PRIMARY KEY ${key}) WITH ${settings}`;
}

function tableId(incarnation: string, name: string): string {
  const hex = createHash('sha256').update(`${incarnation} ${name}`).digest('hex');
  // The bits that make it a UUID of version 8: its own maker's rule.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

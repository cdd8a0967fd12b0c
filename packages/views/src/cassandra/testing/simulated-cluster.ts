import { ViewsError } from '../../error.ts';
import { InFlight } from '../../in-flight.ts';
import type { ViewStore, Views } from '../../port.ts';
import { CassandraStore, type Definition, type Schema } from '../cassandra-store.ts';
import { CassandraViews } from '../cassandra-views.ts';
import { ComparedRows } from '../compared-row.ts';
import type { Bound, Statements } from '../connection.ts';
import { DEFINITION } from '../definition-row.ts';
import { POINTER } from '../pointer-rows.ts';
import type { BoundWrite } from '../replica-group.ts';
import { SHARED_TABLES, type TableSchema } from '../schema.ts';
import { int32Bytes } from '../wire-bytes.ts';
import { bigintOf, longOf, type Row } from '../wire-value.ts';
import { type Condition, readCql, type Statement } from './cql.ts';
import {
  joinClustering,
  liveRow,
  type Mutation,
  merged,
  Replica,
  type StoredPartition,
  type TableKey,
} from './replica.ts';
import { compareValues, decode, decodedColumn, tokenOf } from './stored-value.ts';

const REPLICAS = 3;
const QUORUM = 2;
const IN_FLIGHT = 32;

/** How a client's requests reach the nodes: a simulation decides when, and what becomes of them. */
export type Requests = {
  read<T>(label: string, effect: () => T): Promise<T>;
  /** `isHeard`: the client is told that a quorum has it. */
  write<T>(label: string, effect: (isHeard: boolean) => T): Promise<T>;
  /** Reads of one who only looks mend nothing: replicas stay apart as they are. */
  readonly onlyLooks?: boolean;
};

export type ClusterOptions = {
  /** Integers between two, both included: which replicas are asked, and which hear at once. */
  readonly between: (low: number, high: number) => number;
  /** What a replica hears later: a hint, or a write that is still under way. */
  readonly hint: (label: string, effect: () => void) => void;
  /** Of the client that writes without a timestamp. */
  readonly nowMicros: () => bigint;
};

type Values = ReadonlyMap<string, Buffer | null>;

/** What some replicas know of a partition together, and how far each of them was when they were asked. */
type Merge = {
  readonly parts: readonly (StoredPartition | undefined)[];
  readonly changes: readonly (number | undefined)[];
  readonly known: StoredPartition;
  readonly rows: readonly Values[];
};

/**
 * A model of three Cassandra nodes as the statements of this package use them, at quorum: cells with timestamps, deletes
 * that shadow, replicas that hear late, read repair, and lightweight transactions. The views' own code runs on it.
 */
export class SimulatedCluster {
  readonly #options: ClusterOptions;
  readonly #replicas = Array.from({ length: REPLICAS }, () => new Replica());
  /** Those that are there: a table that was dropped and made anew is another one. */
  readonly #tables = new Map(SHARED_TABLES.map((schema) => [schema.name, keyOf(schema)]));
  /** Rows of lightweight transactions, as the last one left them. */
  readonly #compared = new Map<string, ReadonlyMap<string, unknown>>();
  /** The last of each partition, by who was asked: much is read again before it changes. */
  readonly #merges = new Map<string, Merge>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** The store as one client sees it; `viewsOf` a definition is what opening it now would answer, without a look at its tables. */
  open(requests: Requests): { readonly store: ViewStore; readonly viewsOf: (definition: Definition) => Views } {
    const connection = this.#connection(requests);
    const pointers = new ComparedRows(connection, POINTER);
    return {
      store: new CassandraStore({ ...connection, close: async () => {} }, this.#schema(requests)),
      viewsOf: (definition) =>
        new CassandraViews(connection, pointers, { ...definition, life: this.#lifeOf(definition) }),
    };
  }

  #lifeOf({ id }: Definition): number {
    const row = this.#compared.get(`${DEFINITION.table} ${id}`);
    return row ? DEFINITION.decode(this.#decoded(DEFINITION.table, row)).life : 1;
  }

  /** Tables are made at once, and dropped one after the other: whoever does it may die in between. */
  #schema(requests: Requests): Schema {
    return {
      make: async (tables) => {
        for (const table of tables) if (!this.#tables.has(table.name)) this.#tables.set(table.name, keyOf(table));
      },
      drop: async (names) => {
        for (const name of names) {
          const key = this.#tables.get(name);
          if (key) await requests.write(`drop ${plainName(name)}`, () => this.#drop(name, key));
        }
      },
      tableNames: async () => new Set(this.#tables.keys()),
    };
  }

  #drop(name: string, key: TableKey): void {
    if (this.#tables.get(name) !== key) return;
    this.#tables.delete(name);
    for (const replica of this.#replicas) replica.forget(name);
  }

  #connection(requests: Requests): Statements {
    const inFlight = new InFlight(IN_FLIGHT);
    const rows = ({ cql, values }: Bound) => {
      const statement = readCql(cql);
      return requests.read(`select ${plainName(statement.table)}`, () => this.#select(statement, values, requests));
    };
    return {
      keyspace: 'simulated',
      rows,
      each: (items, work) => inFlight.map(items, work),
      async *pages(bound) {
        yield await rows(bound);
      },
      write: async (writes: readonly BoundWrite[]) => {
        // Rows of one partition go as one batch, which a node takes whole; others are apart, as if no batch held them.
        const batches = new Map<string, Batch>();
        for (const { cql, values } of writes) {
          const statement = readCql(cql);
          // Decided when it is sent: a write that arrives late has the time it was written at.
          const mutation = this.#mutation(statement, values);
          const key = this.#key(statement.table);
          const label = `${statement.kind} ${plainName(statement.table)}`;
          const name = `${label} ${mutation.partition}`;
          batches.set(name, { label, key, mutations: [...(batches.get(name)?.mutations ?? []), mutation] });
        }
        await inFlight.map([...batches.values()], (batch) =>
          requests.write(batch.label, (isHeard) => this.#spread(batch, isHeard)),
        );
      },
      compareAndSet: ({ cql, values }) => {
        const statement = readCql(cql);
        return requests.write(`transaction ${statement.table}`, () => this.#transaction(statement, values));
      },
      serialRow: ({ cql, values }) => {
        const { table } = readCql(cql);
        return requests.read(`serial select ${table}`, () => {
          const row = this.#compared.get(`${table} ${keyText(values[0])}`);
          return row ? this.#decoded(table, row) : null;
        });
      },
    };
  }

  /** A quorum hears at once, if the client is told so, and the others later; if not, some may never. */
  #spread({ label, key, mutations }: Batch, isHeard: boolean): void {
    const { between, hint } = this.#options;
    const isThere = () => this.#tables.get(key.schema.name) === key;
    if (!isThere()) throw gone(key.schema.name);
    const order = this.#shuffled();
    const atOnce = between(isHeard ? QUORUM : 1, REPLICAS);
    const apply = (replica: Replica) => {
      if (!isThere()) return;
      for (const mutation of mutations) replica.apply(mutation);
    };
    for (const replica of order.slice(0, atOnce)) apply(replica);
    for (const replica of order.slice(atOnce))
      if (isHeard || between(0, 1) === 1) hint(`hint ${label}`, () => apply(replica));
  }

  #select(statement: Statement, values: readonly unknown[], { onlyLooks = false }: Requests): readonly Row[] {
    if (statement.kind !== 'select') throw new Error('not a query');
    const { table, where, columns, hasLimit } = statement;
    const key = this.#key(table);
    const bound = bind(where, values);
    const limit = hasLimit ? intOf(values.at(-1)) : Number.POSITIVE_INFINITY;
    const asked = this.#shuffled().slice(0, QUORUM);
    const found: Row[] = [];
    for (const partition of this.#partitionsAsked(key, bound, asked)) {
      for (const row of this.#rowsOf(key, partition, asked, !onlyLooks)) {
        if (!bound.every((condition) => holds(key, condition, row))) continue;
        const named: Record<string, unknown> = {};
        for (const { name, isToken } of columns)
          named[name] = isToken ? longOf(tokenOf(partition)) : decodedColumn(key.schema, name, row.get(name));
        found.push(named);
        if (found.length === limit) return found;
      }
    }
    return found;
  }

  /** The partition that is named, or all in token order. */
  #partitionsAsked(key: TableKey, bound: readonly BoundCondition[], asked: readonly Replica[]): readonly string[] {
    const parts = key.partition.map((name) => bound.find(({ columns: [column] }) => column === name)?.values[0]);
    if (parts.every((part) => part !== undefined)) return [parts.map(textOfKey).join('/')];
    const from = bound.find(({ columns }) => columns[0] === 'token')?.values[0]?.readBigInt64BE() ?? -(2n ** 63n);
    const all = [...new Set(asked.flatMap((replica) => replica.partitions(key.schema.name)))];
    const placed = all
      .map((partition) => ({ partition, token: tokenOf(partition) }))
      .filter(({ token }) => token >= from);
    return placed
      .sort((a, b) => (a.token === b.token ? (a.partition < b.partition ? -1 : 1) : a.token < b.token ? -1 : 1))
      .map(({ partition }) => partition);
  }

  /** A partition's rows in the table's order, as those asked know them together; what one lacked it has from now on. */
  #rowsOf(key: TableKey, partition: string, asked: readonly Replica[], repairs: boolean): readonly Values[] {
    const { name } = key.schema;
    const place = `${name} ${asked.map((replica) => this.#replicas.indexOf(replica))} ${partition}`;
    const parts = asked.map((replica) => replica.partition(name, partition));
    const changes = parts.map((part) => part?.changes);
    const last = this.#merges.get(place);
    const isSame = last?.parts.every((part, at) => part === parts[at] && last.changes[at] === changes[at]) ?? false;
    const known = last && isSame ? last.known : merged(parts.flatMap((part) => part ?? []));
    if (repairs) for (const replica of asked) replica.repair(name, partition, known);
    if (last && isSame) return last.rows;
    const rows = inOrder(key, known);
    this.#merges.set(place, { parts, changes, known, rows });
    return rows;
  }

  #mutation(statement: Statement, values: readonly unknown[]): Mutation {
    const key = this.#key(statement.table);
    const { partition, clustering } = key;
    const rest = [...values];
    let at = this.#options.nowMicros();
    if (statement.kind === 'select') throw new Error('a query writes nothing');
    if (statement.hasTimestamp) at = bigintOf(statement.kind === 'insert' ? rest.pop() : rest.shift());
    const common = { table: statement.table, at };
    if (statement.kind === 'delete') {
      const bound = bind(statement.where, rest);
      const part = (name: string) => bound.find(({ columns: [column] }) => column === name)?.values[0];
      const parts = clustering.map(({ name }) => part(name));
      const prefix = parts.slice(0, parts.indexOf(undefined) < 0 ? parts.length : parts.indexOf(undefined));
      return {
        ...common,
        kind: 'delete',
        partition: partition.map((name) => textOfKey(part(name))).join('/'),
        clustering: prefix.map(textOfKey),
      };
    }
    const named = new Map<string, Buffer | null>();
    const isInsert = statement.kind === 'insert';
    const columns = isInsert ? statement.columns : statement.set;
    columns.forEach((name, index) => {
      named.set(name, bytesOrNull(rest[index]));
    });
    if (!isInsert) {
      for (const {
        columns: [name = ''],
        values: [value],
      } of bind(statement.where, rest.slice(columns.length)))
        named.set(name, value ?? null);
    }
    const row = new Map<string, Buffer>();
    for (const name of [...partition, ...clustering.map((each) => each.name)]) {
      const value = named.get(name);
      if (!value) throw new Error(`${statement.table} is written without ${name}`);
      row.set(name, value);
      named.delete(name);
    }
    return {
      ...common,
      kind: 'write',
      isInsert,
      key: row,
      partition: partition.map((name) => textOfKey(row.get(name))).join('/'),
      clustering: joinClustering(clustering.map(({ name }) => textOfKey(row.get(name)))),
      values: named,
    };
  }

  /** Lightweight transactions are one after the other, whichever node is asked. */
  #transaction(statement: Statement, values: readonly unknown[]): boolean {
    const { table } = statement;
    if (statement.kind === 'insert') {
      const [key, row] = [values[0], new Map(statement.columns.map((name, at) => [name, values[at]]))];
      const name = `${table} ${keyText(key)}`;
      if (this.#compared.has(name)) return false;
      this.#compared.set(name, row);
      return true;
    }
    if (statement.kind === 'delete') return this.#compared.delete(`${table} ${keyText(values[0])}`);
    if (statement.kind !== 'update') throw new Error('the model has no such transaction');
    const { set, where, onlyIf } = statement;
    const key = values[set.length];
    const name = `${table} ${keyText(key)}`;
    const there = this.#compared.get(name);
    const conditions = values.slice(set.length + where.length);
    if (!there || !onlyIf.every(({ columns: [column = ''] }, at) => there.get(column) === conditions[at])) return false;
    this.#compared.set(name, new Map([...there, ...set.map((column, at) => [column, values[at]] as const)]));
    return true;
  }

  #decoded(table: string, row: ReadonlyMap<string, unknown>): Row {
    const { schema } = this.#key(table);
    return Object.fromEntries(
      [...schema.columns.keys()].map((name) => [name, decodedColumn(schema, name, row.get(name))]),
    );
  }

  #key(table: string): TableKey {
    const key = this.#tables.get(table);
    if (key) return key;
    throw gone(table);
  }

  #shuffled(): Replica[] {
    const left = [...this.#replicas];
    return this.#replicas.flatMap(() => left.splice(this.#options.between(0, left.length - 1), 1));
  }
}

/** Writes to rows of one partition of a table. */
type Batch = { readonly label: string; readonly key: TableKey; readonly mutations: readonly Mutation[] };

const gone = (table: string): ViewsError => new ViewsError('TIDEMARK_VIEWS_GONE', `The model has no table ${table}.`);

/** The rows that are there, in the order of the table's clustering. */
function inOrder({ schema, clustering }: TableKey, known: StoredPartition): readonly Values[] {
  const rows = [...known.rows].flatMap(([place, row]) => liveRow(row, place, known) ?? []);
  return rows.sort((a, b) => {
    for (const { name, isDescending } of clustering) {
      const order = compareValues(schema, name, a.get(name), b.get(name));
      if (order !== 0) return isDescending ? -order : order;
    }
    return 0;
  });
}

type BoundCondition = Condition & { readonly values: readonly Buffer[] };

/** Gives every condition its values, in the order of the marks. */
function bind(where: readonly Condition[], values: readonly unknown[]): readonly BoundCondition[] {
  let at = 0;
  return where.map((condition) => {
    if (condition.literal !== null) return { ...condition, values: [int32Bytes(condition.literal)] };
    const taken = condition.columns.map(() => bytesOrNull(values[at++]) ?? Buffer.alloc(0));
    return { ...condition, values: taken };
  });
}

function holds({ schema }: TableKey, { columns, operator, values }: BoundCondition, row: Values): boolean {
  if (columns[0] === 'token') return true;
  const [name = ''] = columns;
  if (operator === 'IN') {
    const wanted = decode(values[0] ?? Buffer.alloc(0), `list<${schema.columns.get(name)}>`);
    return Array.isArray(wanted) && wanted.includes(decode(row.get(name) ?? Buffer.alloc(0), 'int'));
  }
  let order = 0;
  for (const [at, column] of columns.entries()) {
    order = compareValues(schema, column, row.get(column), values[at]);
    if (order !== 0) break;
  }
  if (operator === '=') return order === 0;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/** `(a, b)` or `((a, b), c)`, with the order of the clustering. */
function keyOf(schema: TableSchema): TableKey {
  const [, several, one, rest = ''] = /^\((?:\((.+?)\)|([^,()]+))(?:, (.+))?\)$/.exec(schema.key) ?? [];
  const split = (text: string) => text.split(',').flatMap((each) => each.trim().replaceAll('"', '') || []);
  const order = schema.options.find((option) => option.startsWith('CLUSTERING ORDER')) ?? '';
  return {
    schema,
    partition: split(several ?? one ?? ''),
    clustering: split(rest).map((name) => ({ name, isDescending: order.includes(`${name} DESC`) })),
  };
}

const textOfKey = (bytes: Buffer | undefined): string => (bytes ?? Buffer.alloc(0)).toString('hex');

const keyText = (key: unknown): string => (Buffer.isBuffer(key) ? key.toString('hex') : String(key));

const bytesOrNull = (value: unknown): Buffer | null => (Buffer.isBuffer(value) ? value : null);

const intOf = (value: unknown): number => bytesOrNull(value)?.readInt32BE() ?? 0;

/** What a table is called without its definition. */
const plainName = (table: string): string => table.replace(/_[0-9a-f]{16}(?:_\d+)?$/, '');

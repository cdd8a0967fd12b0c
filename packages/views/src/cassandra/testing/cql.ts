/*
 * The CQL of this package, read by a model of the store: the few forms that its statements have, and an error for any other.
 */

const OPERATORS = ['=', '<', '<=', '>', '>=', 'IN'] as const;

/** A condition of a WHERE or a value that is bound: `null` stands for the next `?`, a number for itself. */
export type Condition = {
  readonly columns: readonly string[];
  readonly operator: (typeof OPERATORS)[number];
  readonly literal: number | null;
};

export type Statement =
  | {
      readonly kind: 'insert';
      readonly table: string;
      readonly columns: readonly string[];
      readonly hasTimestamp: boolean;
      readonly ifNotExists: boolean;
    }
  | {
      readonly kind: 'update';
      readonly table: string;
      readonly hasTimestamp: boolean;
      readonly set: readonly string[];
      readonly where: readonly Condition[];
      readonly onlyIf: readonly Condition[];
    }
  | {
      readonly kind: 'delete';
      readonly table: string;
      readonly hasTimestamp: boolean;
      readonly where: readonly Condition[];
      readonly ifExists: boolean;
    }
  | {
      readonly kind: 'select';
      readonly table: string;
      /** Columns by the name they are given. `token` stands for that of the partition key. */
      readonly columns: readonly { readonly name: string; readonly isToken: boolean }[];
      readonly where: readonly Condition[];
      readonly hasLimit: boolean;
    };

const known = new Map<string, Statement>();

export function readCql(cql: string): Statement {
  const there = known.get(cql);
  if (there) return there;
  const statement = parse(cql.replaceAll(/\s+/g, ' ').trim());
  known.set(cql, statement);
  return statement;
}

function parse(cql: string): Statement {
  const insert = /^INSERT INTO (\S+) \((.+?)\) VALUES \([?, ]+\)( IF NOT EXISTS)?( USING TIMESTAMP \?)?$/.exec(cql);
  if (insert) {
    const [, table = '', columns = '', ifNotExists, using] = insert;
    return {
      kind: 'insert',
      table: tableOf(table),
      columns: names(columns),
      hasTimestamp: using !== undefined,
      ifNotExists: ifNotExists !== undefined,
    };
  }
  const update = /^UPDATE (\S+)( USING TIMESTAMP \?)? SET (.+?) WHERE (.+?)(?: IF (.+))?$/.exec(cql);
  if (update) {
    const [, table = '', using, set = '', where = '', onlyIf] = update;
    return {
      kind: 'update',
      table: tableOf(table),
      hasTimestamp: using !== undefined,
      set: set.split(',').map((each) => nameOf(each.split('=')[0] ?? '')),
      where: conditions(where),
      onlyIf: onlyIf === undefined ? [] : conditions(onlyIf),
    };
  }
  const deletion = /^DELETE FROM (\S+)( USING TIMESTAMP \?)? WHERE (.+?)( IF EXISTS)?$/.exec(cql);
  if (deletion) {
    const [, table = '', using, where = '', ifExists] = deletion;
    return {
      kind: 'delete',
      table: tableOf(table),
      hasTimestamp: using !== undefined,
      where: conditions(where),
      ifExists: ifExists !== undefined,
    };
  }
  const select = /^SELECT (.+?) FROM (\S+)(?: WHERE (.+?))?( LIMIT \?)?$/.exec(cql);
  if (!select) throw new Error(`A statement that the model does not know: ${cql}`);
  const [, columns = '', table = '', where, limit] = select;
  return {
    kind: 'select',
    table: tableOf(table),
    columns: columns.split(',').map((each) => {
      const token = /^ ?token\(\w+\) AS "(\w+)"$/.exec(each);
      return token ? { name: token[1] ?? '', isToken: true } : { name: nameOf(each), isToken: false };
    }),
    where: where === undefined ? [] : conditions(where),
    hasLimit: limit !== undefined,
  };
}

function conditions(text: string): Condition[] {
  return text.split(' AND ').map((each) => {
    const found = /^(.+?) (=|<=|>=|<|>|IN) (\?|\(\?(?:, \?)*\)|\d+)$/.exec(each.trim());
    if (!found) throw new Error(`A condition that the model does not know: ${each}`);
    const [, left = '', sign, right = ''] = found;
    const operator = OPERATORS.find((each) => each === sign) ?? '=';
    const columns = names(left.replace(/^token\((\w+)\)$/, 'token').replace(/^\((.+)\)$/, '$1'));
    return {
      columns,
      operator,
      literal: /^\d+$/.test(right) ? Number(right) : null,
    };
  });
}

const names = (list: string): string[] => list.split(',').map(nameOf);
const nameOf = (name: string): string => name.trim().replaceAll('"', '');
const tableOf = (qualified: string): string => nameOf(qualified.split('.').at(-1) ?? '');

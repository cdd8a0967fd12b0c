import type { Session } from '@tidemark/duckdb';
import { notAllowed, type ParsedExpression, parseExpression, type Syntax } from './syntax.ts';

/**
 * How a column is read where it stands: as the text it is; as the number it must be; or as a number if all columns that
 * share the place are plain decimals, else as text.
 */
type Reading =
  | { readonly as: 'text' }
  | { readonly as: 'number' }
  | { readonly as: 'either'; readonly group: ColumnUse[] };

export type ColumnUse = { readonly column: string; readonly location: number; readonly reading: Reading };

/** A checked expression: what it reads, and how. */
export type Expression = {
  readonly field: string;
  readonly text: string;
  readonly uses: readonly ColumnUse[];
  /** The column when the expression is nothing but one: its text is kept as it is. */
  readonly bareColumn: string | null;
  readonly parsed: ParsedExpression;
};

const TEXT: Reading = { as: 'text' };
const NUMBER: Reading = { as: 'number' };

/** Pure functions of numbers, exact on decimals: none of them leaves DECIMAL for DOUBLE. */
const OF_NUMBERS: ReadonlySet<string> = new Set([
  '+',
  '-',
  '*',
  '%',
  ...['abs', 'round', 'floor', 'ceil', 'ceiling', 'sign', 'trunc'],
]);

/** Pure functions that take one of their arguments as it is. */
const OF_EITHER: ReadonlySet<string> = new Set(['greatest', 'least', 'nullif', 'ifnull']);

/** Pure functions of text, and of what casts make of it. */
const OF_TEXT: ReadonlySet<string> = new Set([
  ...['||', '~~', '!~~', '~~*', '!~~*', 'like_escape', 'not_like_escape', 'ilike_escape', 'not_ilike_escape'],
  ...['lower', 'upper', 'trim', 'ltrim', 'rtrim', 'substr', 'substring', 'left', 'right', 'lpad', 'rpad', 'replace'],
  ...['concat', 'concat_ws', 'length', 'strpos', 'instr', 'position', 'split_part', 'contains', 'reverse'],
  ...['starts_with', 'prefix', 'suffix', 'ends_with', 'md5', 'sha256'],
  ...['regexp_matches', 'regexp_full_match', 'regexp_replace', 'regexp_extract'],
  ...['strptime', 'try_strptime', 'date_trunc', 'date_part', 'make_date', 'make_timestamp', 'epoch_ms', 'to_timestamp'],
]);

const CAST_TYPES: ReadonlySet<string> = new Set([
  ...['VARCHAR', 'DECIMAL', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'BOOLEAN', 'DATE', 'TIMESTAMP'],
  'TIMESTAMP WITH TIME ZONE',
]);

const NUMERIC_TYPES: ReadonlySet<string> = new Set([
  ...['DECIMAL', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'UBIGINT', 'INTEGER_LITERAL'],
]);

const OPERATORS: ReadonlySet<string> = new Set([
  ...['OPERATOR_NOT', 'OPERATOR_IS_NULL', 'OPERATOR_IS_NOT_NULL', 'OPERATOR_COALESCE', 'COMPARE_IN', 'COMPARE_NOT_IN'],
]);

const EQUALITIES: ReadonlySet<string> = new Set([
  ...['COMPARE_EQUAL', 'COMPARE_NOTEQUAL', 'COMPARE_DISTINCT_FROM', 'COMPARE_NOT_DISTINCT_FROM'],
]);

const PLAIN_DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/;

/**
 * Checks the right side of a mapping: one scalar expression of columns, constants, CASE, CAST, operators and a list of
 * pure functions. `readsNumber` says that the field takes a number, so that its values are read as such where they can be.
 */
export async function checkExpression(
  session: Session,
  field: string,
  text: string,
  readsNumber: boolean,
): Promise<Expression> {
  const parsed = await parseExpression(session, field, text);
  const check = new Check(field, text);
  const root = parsed.syntax;
  const isBare = root.class === 'COLUMN_REF';
  check.visit(root, readsNumber && !isBare ? check.either() : TEXT);
  return { field, text, uses: check.uses, bareColumn: isBare ? (check.uses[0]?.column ?? null) : null, parsed };
}

/** The walk over one expression, which gathers the uses of columns. */
class Check {
  readonly uses: ColumnUse[] = [];
  readonly #field: string;
  readonly #text: string;

  constructor(field: string, text: string) {
    this.#field = field;
    this.#text = text;
  }

  either(): Reading {
    return { as: 'either', group: [] };
  }

  visit(node: Syntax, reading: Reading): void {
    switch (node.class) {
      case 'CONSTANT':
        this.#constant(node.value.type.id);
        break;
      case 'COLUMN_REF':
        this.#column(node.column_names, node.query_location, reading);
        break;
      case 'FUNCTION':
        this.#call(node.function_name, node.children, reading);
        break;
      case 'CASE':
        for (const { when_expr, then_expr } of node.case_checks) {
          this.visit(when_expr, TEXT);
          this.visit(then_expr, reading);
        }
        this.visit(node.else_expr, reading);
        break;
      case 'CAST':
        if (!CAST_TYPES.has(node.cast_type.id)) this.#refuse(`it may not cast to ${node.cast_type.id}`);
        this.visit(node.child, TEXT);
        break;
      case 'COMPARISON':
        this.#compare([node.left, node.right], EQUALITIES.has(node.type));
        break;
      case 'BETWEEN':
        this.#compare([node.input, node.lower, node.upper], false);
        break;
      case 'CONJUNCTION':
        for (const child of node.children) this.visit(child, TEXT);
        break;
      case 'OPERATOR':
        this.#operator(node.type, node.children, reading);
        break;
    }
  }

  #constant(type: string): void {
    if (type === 'DOUBLE' || type === 'FLOAT') {
      this.#refuse('a number with an exponent is not exact: write its digits');
    }
  }

  #column(names: readonly string[], location: number, reading: Reading): void {
    const [column] = names;
    if (column === undefined || names.length > 1) {
      this.#refuse(`${names.join('.')} is no column: put a name with a point into double quotes`);
    }
    const use = { column, location, reading };
    if (reading.as === 'either') reading.group.push(use);
    this.uses.push(use);
  }

  #call(name: string, children: readonly Syntax[], reading: Reading): void {
    const called = name.toLowerCase();
    if (called === '/' || called === '//') {
      this.#refuse('a division is not exact: multiply instead (x * 0.01 for x / 100)');
    }
    const known = OF_NUMBERS.has(called) ? NUMBER : OF_TEXT.has(called) ? TEXT : OF_EITHER.has(called) ? reading : null;
    if (known === null) this.#refuse(`the function ${name} may not be used in a mapping`);
    for (const child of children) this.visit(child, known);
  }

  #operator(type: string, children: readonly Syntax[], reading: Reading): void {
    if (!OPERATORS.has(type)) this.#refuse(`${type} may not be used in a mapping`);
    if (type === 'COMPARE_IN' || type === 'COMPARE_NOT_IN') {
      this.#compare(children, true);
      return;
    }
    for (const child of children) this.visit(child, type === 'OPERATOR_COALESCE' ? reading : TEXT);
  }

  /** Numbers are compared as numbers; text with text constants as it is written, so that `017850` is not `17850`. */
  #compare(sides: readonly Syntax[], isEquality: boolean): void {
    const constants = sides.flatMap((side) => (side.class === 'CONSTANT' ? [side.value] : []));
    const texts = constants.filter(({ type }) => type.id === 'VARCHAR');
    let reading = this.either();
    if (sides.some(isNumeric)) reading = NUMBER;
    else if (texts.length > 0) {
      const areNumbers = texts.every(({ value }) => typeof value === 'string' && PLAIN_DECIMAL.test(value));
      reading = !isEquality && areNumbers ? reading : TEXT;
    }
    for (const side of sides) this.visit(side, reading);
  }

  #refuse(why: string): never {
    throw notAllowed(this.#field, this.#text, why);
  }
}

function isNumeric(node: Syntax): boolean {
  if (node.class === 'CONSTANT') return NUMERIC_TYPES.has(node.value.type.id);
  if (node.class === 'FUNCTION') return OF_NUMBERS.has(node.function_name.toLowerCase());
  return node.class === 'CAST' && NUMERIC_TYPES.has(node.cast_type.id);
}

/** What is known of a column when expressions are typed. */
export type ColumnProfile = {
  /** DECIMAL wide enough for every value; null: some value is not a plain decimal, or no DECIMAL is wide enough. */
  readonly decimal: { readonly width: number; readonly scale: number } | null;
  /** Why it is no number: a line to look at. */
  readonly notDecimal: string;
};

/**
 * The expression as SQL over `text` and `number` columns of the input. Throws `TIDEMARK_INGEST_EXPRESSION` naming a line
 * where a number is called for and the column has none.
 */
export function typedSql(
  expression: Expression,
  profileOf: (column: string) => ColumnProfile,
  columnSql: (column: string, as: 'text' | 'number') => string,
): string {
  const { field, text, parsed } = expression;
  const readings = new Map<number, { readonly column: string; readonly as: 'text' | 'number' }>();
  for (const { column, location, reading } of expression.uses) {
    let as: 'text' | 'number' = 'text';
    if (reading.as === 'number') {
      const { decimal, notDecimal } = profileOf(column);
      if (decimal === null) throw notAllowed(field, text, `${column} is used as a number, but ${notDecimal}`);
      as = 'number';
    } else if (reading.as === 'either') {
      as = reading.group.every((use) => profileOf(use.column).decimal !== null) ? 'number' : 'text';
    }
    readings.set(parsed.at(location), { column, as });
  }
  const bytes = Buffer.from(text);
  let sql = '';
  let from = 0;
  for (const [at, { column, as }] of [...readings].sort(([a], [b]) => a - b)) {
    sql += bytes.toString('utf8', from, at) + columnSql(column, as);
    from = at + nameLength(bytes.toString('utf8', at));
  }
  return sql + bytes.toString('utf8', from);
}

/** Bytes of the column's name that `text` begins with, quoted or not. */
function nameLength(text: string): number {
  const [name] = /^"(?:[^"]|"")*"|^[\p{L}\p{N}_$]+/u.exec(text) ?? [''];
  return Buffer.byteLength(name);
}

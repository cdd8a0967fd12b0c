import type { Session } from '@tidemark/duckdb';
import { textLiteral } from '@tidemark/duckdb';
import { z } from 'zod';
import { IngestError } from '../error.ts';

const located = { query_location: z.number() };
const noOrder = z.looseObject({ type: z.literal('ORDER_MODIFIER'), orders: z.array(z.unknown()).max(0) });

/** A scalar expression as DuckDB's parser gives it, of the kinds that may stand in a mapping. */
export type Syntax =
  | { readonly class: 'CONSTANT'; readonly value: { readonly type: { readonly id: string }; readonly value?: unknown } }
  | { readonly class: 'COLUMN_REF'; readonly query_location: number; readonly column_names: readonly string[] }
  | { readonly class: 'FUNCTION'; readonly function_name: string; readonly children: readonly Syntax[] }
  | { readonly class: 'CASE'; readonly case_checks: readonly CaseCheck[]; readonly else_expr: Syntax }
  | { readonly class: 'CAST'; readonly child: Syntax; readonly cast_type: { readonly id: string } }
  | { readonly class: 'COMPARISON'; readonly type: string; readonly left: Syntax; readonly right: Syntax }
  | { readonly class: 'CONJUNCTION'; readonly children: readonly Syntax[] }
  | { readonly class: 'OPERATOR'; readonly type: string; readonly children: readonly Syntax[] }
  | { readonly class: 'BETWEEN'; readonly input: Syntax; readonly lower: Syntax; readonly upper: Syntax };

type CaseCheck = { readonly when_expr: Syntax; readonly then_expr: Syntax };

const syntax: z.ZodType<Syntax> = z.lazy(() =>
  z.discriminatedUnion('class', [
    z.object({
      class: z.literal('CONSTANT'),
      value: z.object({ type: z.object({ id: z.string() }), value: z.unknown().optional() }),
    }),
    z.object({ class: z.literal('COLUMN_REF'), ...located, column_names: z.array(z.string()) }),
    z.object({
      class: z.literal('FUNCTION'),
      function_name: z.string(),
      children: z.array(syntax),
      // A plain call: no catalog, no schema but the built-in one, nothing that only aggregates have.
      catalog: z.literal(''),
      schema: z.literal(['', 'main']),
      filter: z.null(),
      order_bys: noOrder,
      distinct: z.literal(false),
      export_state: z.literal(false),
    }),
    z.object({
      class: z.literal('CASE'),
      case_checks: z.array(z.object({ when_expr: syntax, then_expr: syntax })),
      else_expr: syntax,
    }),
    z.object({ class: z.literal('CAST'), child: syntax, cast_type: z.object({ id: z.string() }) }),
    z.object({ class: z.literal('COMPARISON'), type: z.string(), left: syntax, right: syntax }),
    z.object({ class: z.literal('CONJUNCTION'), children: z.array(syntax) }),
    z.object({ class: z.literal('OPERATOR'), type: z.string(), children: z.array(syntax) }),
    z.object({ class: z.literal('BETWEEN'), input: syntax, lower: syntax, upper: syntax }),
  ]),
);

/** A SELECT of nothing but one expression: no table, no condition, no second column, no alias. */
const onlyExpression = z.object({
  error: z.literal(false),
  statements: z.tuple([
    z.object({
      node: z.strictObject({
        type: z.literal('SELECT_NODE'),
        modifiers: z.array(z.unknown()).max(0),
        cte_map: z.looseObject({ map: z.array(z.unknown()).max(0) }),
        select_list: z.tuple([z.looseObject({ class: z.string(), alias: z.literal('') })]),
        from_table: z.looseObject({ type: z.literal('EMPTY') }),
        where_clause: z.null(),
        group_expressions: z.array(z.unknown()).max(0),
        group_sets: z.array(z.unknown()).max(0),
        aggregate_handling: z.literal('STANDARD_HANDLING'),
        having: z.null(),
        sample: z.null(),
        qualify: z.null(),
      }),
    }),
  ]),
});

const syntaxError = z.object({ error: z.literal(true), error_message: z.string() });

/** What stands before the expression in the text that is parsed: locations count from its start. */
const BEFORE = 'SELECT (\n';

/** An expression in the form in which it may stand inside another statement: comments end, parentheses hold. */
export const enclosed = (expression: string): string => `(\n${expression}\n)`;

export type ParsedExpression = {
  readonly text: string;
  readonly syntax: Syntax;
  /** Where a location of the syntax is in the UTF-8 bytes of `text`. */
  at(location: number): number;
};

/**
 * Parses one scalar expression without evaluating it. Throws `TIDEMARK_INGEST_EXPRESSION` for anything else: several
 * columns or statements, subqueries, windows, parameters, lambdas, a FROM.
 */
export async function parseExpression(session: Session, field: string, text: string): Promise<ParsedExpression> {
  const sql = `SELECT json_serialize_sql(${textLiteral(`SELECT ${enclosed(text)}`)})`;
  const [[json] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  const tree: unknown = JSON.parse(String(json));
  const failed = syntaxError.safeParse(tree);
  if (failed.success) throw notAllowed(field, text, `it can't be parsed: ${failed.data.error_message}`);
  const select = onlyExpression.safeParse(tree);
  if (!select.success) throw notAllowed(field, text, 'it must be one expression and nothing else');
  const [{ node }] = select.data.statements;
  const parsed = syntax.safeParse(node.select_list[0]);
  if (!parsed.success) throw notAllowed(field, text, forbiddenPart(node.select_list[0]));
  return { text, syntax: parsed.data, at: (location) => location - BEFORE.length };
}

export const notAllowed = (field: string, text: string, why: string): IngestError =>
  new IngestError('TIDEMARK_INGEST_EXPRESSION', `--map ${field}=${text}: ${why}.`);

const ALLOWED_CLASSES: ReadonlySet<unknown> = new Set([
  ...['CONSTANT', 'COLUMN_REF', 'FUNCTION', 'CASE', 'CAST', 'COMPARISON', 'CONJUNCTION', 'OPERATOR', 'BETWEEN'],
]);

/** Names the first part of a tree that is not allowed. */
function forbiddenPart(tree: unknown): string {
  const open: unknown[] = [tree];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (typeof part !== 'object' || part === null) continue;
    if ('class' in part && !ALLOWED_CLASSES.has(part.class)) {
      return `a mapping takes columns, constants, CASE, CAST, operators and plain functions, no ${String(part.class)}`;
    }
    open.push(...Object.values(part));
  }
  return 'a mapping takes columns, constants, CASE, CAST, operators and plain functions';
}

import type { DuckDBConnection } from '@duckdb/node-api';
import { identifier, textListLiteral } from '@tidemark/duckdb';
import { type Definition, define, rowColumns, type Source } from '@tidemark/metrics';
import { EngineError } from '../error.ts';
import type { RecomputeRequest, RowFile } from '../port.ts';

/** The definition as this process's code knows it; refuses to compute under a name that means something else here. */
export function definitionOf(currency: string, id: string): Definition {
  const definition = define(currency);
  if (definition.id === id) return definition;
  throw new EngineError(
    'TIDEMARK_ENGINE_FAILED',
    `The engine runs code of definition ${definition.id}, but was asked for ${id}. Start both from the same version.`,
  );
}

/** The landed rows of a source, as SQL. */
export type LandedSql = (source: Source) => string;

/** The landed rows over the files that a caller names. */
export const landedIn =
  (rows: RecomputeRequest['rows']): LandedSql =>
  (source) =>
    landedSql(source, rows[source.name] ?? []);

/** Makes the relations `landed_<source>` of a connection. */
export async function viewLanded(
  connection: DuckDBConnection,
  definition: Definition,
  landed: LandedSql,
): Promise<void> {
  for (const source of definition.sources)
    await connection.run(`CREATE TEMP VIEW landed_${source.name} AS ${landed(source)}`);
}

/** A source's rows over its files. Imports are told apart by the file, since their number is given when they are accepted. */
function landedSql(source: Source, files: readonly RowFile[]): string {
  if (files.length === 0) {
    return `SELECT ${rowColumns(source)
      .map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`)
      .join(', ')} WHERE FALSE`;
  }
  const byImport = new Map<number | null, string[]>();
  for (const file of files) byImport.set(file.import, [...(byImport.get(file.import) ?? []), file.location]);
  return [...byImport]
    .map(
      ([number, locations]) =>
        `SELECT ${number ?? 'NULL'}::INTEGER AS "import", * FROM read_parquet(${textListLiteral(locations)})`,
    )
    .join('\nUNION ALL BY NAME ');
}

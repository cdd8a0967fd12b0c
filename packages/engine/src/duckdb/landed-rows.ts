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

/** Makes the relations `landed_<source>` of a connection: the rows of each source over its files. */
export async function viewLanded(
  connection: DuckDBConnection,
  definition: Definition,
  rows: RecomputeRequest['rows'],
): Promise<void> {
  for (const source of definition.sources) {
    await connection.run(`CREATE TEMP VIEW landed_${source.name} AS ${landedSql(source, rows[source.name] ?? [])}`);
  }
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

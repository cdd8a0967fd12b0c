import { type Session, textListLiteral } from '@tidemark/duckdb';

/** Makes a session fit to evaluate a mapping: it opens no file but these, and nothing can be set. */
export async function restrict(session: Session, paths: readonly string[]): Promise<void> {
  await session.connection.run(`SET allowed_paths = ${textListLiteral(paths)}`);
  // What is taken out of a TRY to be computed once is no longer tried: its error would end the query.
  await session.connection.run("SET disabled_optimizers = 'common_subexpressions'");
  await session.connection.run('SET enable_external_access = false');
  await session.connection.run('SET lock_configuration = true');
}

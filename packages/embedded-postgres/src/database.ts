import pg from 'pg';

/** The same server and user, another database. */
export function databaseUrl(url: string, database: string): string {
  const other = new URL(url);
  // As `pg` decodes it: reserved characters stay as they are.
  other.pathname = `/${encodeURI(database)}`;
  return other.toString();
}

/** Runs one statement that can't be in a transaction or a pool, on a connection of its own. */
async function runAlone(url: string, sql: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'tidemark database',
    statement_timeout: 30_000,
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const DUPLICATE_DATABASE = '42P04';
/** Two at once: the loser fails on the catalogue's unique index instead. */
const UNIQUE_VIOLATION = '23505';

/** Makes the database on the server of `url`, if absent. Answers its URL. Several may do so at once. */
export async function createDatabase(url: string, name: string): Promise<string> {
  try {
    await runAlone(url, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    const exists =
      error instanceof pg.DatabaseError && (error.code === DUPLICATE_DATABASE || error.code === UNIQUE_VIOLATION);
    if (!exists) throw error;
  }
  return databaseUrl(url, name);
}

/** Drops the database, whoever is connected to it. `url` is of another database of the same server. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await runAlone(url, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

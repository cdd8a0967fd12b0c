import { mkdir } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export type SessionOptions = {
  /** DuckDB's size syntax, `2GB`. Beyond it DuckDB spills to the temp folder, or fails. */
  readonly memoryLimit: string;
  readonly threads: number;
  /** Where it spills; made when missing. */
  readonly tempFolder: string;
  /** Whether what is read and written keeps its order: it takes more memory. */
  readonly keepsOrder?: boolean;
};

/** An in-memory DuckDB with its main connection. */
export type Session = {
  readonly connection: DuckDBConnection;
  /** One more connection to the same database, to be closed by the caller. */
  connect(): Promise<DuckDBConnection>;
  close(): void;
};

/**
 * Opens DuckDB with its limits set: left alone it takes 80 % of the machine's memory and installs extensions from the
 * network.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  await mkdir(options.tempFolder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit,
    threads: String(options.threads),
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: String(options.keepsOrder ?? false),
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    connection,
    connect: () => instance.connect(),
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The servers there are; also the names of their folders. */
export const SERVERS = ['kafka', 'cassandra'] as const;
export type ServerName = (typeof SERVERS)[number];

// From `src` and `dist` alike.
const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** Where the package keeps what is not code. `config` is shared with infra/compose. */
export const shipped = {
  config: (server: ServerName, file: string): string => join(packageFolder, 'config', server, file),
  pom: (server: ServerName): string => join(packageFolder, 'artefacts', server, 'pom.xml'),
};

/** The flags of the server's Java, one a line in its file. */
export const jvmFlags = (server: ServerName): readonly string[] =>
  readFileSync(shipped.config(server, 'jvm.flags'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

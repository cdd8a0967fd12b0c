import type { Logger } from 'pino';
import { createLogger } from './logger.ts';
import { ConfigurationError, type OptionKey, type Options, readOptions } from './options.ts';

/** What decides a process's configuration, and where it speaks. `process` is one; a test brings its own. */
export type ConfiguredProcess = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
  readonly stderr: { write(text: string): unknown };
  exit(code: number): never;
};

/** The flag that has an app check its configuration and exit. */
export const VALIDATE_FLAG = '--validate';

/**
 * An app's settings, from its own environment, and its logger. All that is wrong with them is said on stderr, a line
 * each, and the process exits with 1. With `--validate` it exits here in any case, with 0 when nothing is wrong.
 */
export function configureApp<const K extends OptionKey, const R extends K>(
  app: { readonly name: string; readonly reads: readonly K[]; readonly requires: readonly R[] },
  host: ConfiguredProcess = process,
): { readonly options: Options<K | 'logLevel', R>; readonly logger: Logger } {
  const options = readOrExit(app, host);
  if (host.argv.includes(VALIDATE_FLAG)) {
    host.stderr.write(`${app.name}: the configuration is valid\n`);
    host.exit(0);
  }
  return { options, logger: createLogger({ app: app.name, level: options.logLevel }) };
}

function readOrExit<const K extends OptionKey, const R extends K>(
  { name, reads, requires }: { readonly name: string; readonly reads: readonly K[]; readonly requires: readonly R[] },
  host: ConfiguredProcess,
): Options<K | 'logLevel', R> {
  try {
    return readOptions<K | 'logLevel', R>([...reads, 'logLevel'], { env: host.env, required: requires });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    host.stderr.write(`${name}: ${error.code}: ${error.message}\n`);
    return host.exit(1);
  }
}

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export type AppName = 'serving-layer' | 'speed-layer' | 'batch-layer' | 'ingest';

/** The file to run for an app: apps are run as processes, never imported. */
export const appEntry = (app: AppName): string => require.resolve(`@tidemark/${app}/main`);

/**
 * Node's flags for an app. Pages of records and of rows live too long for the 16 MB that V8 gives to what is young, and cost
 * a quarter of a batch run's time in moving them to the old. What is old may grow by half before it is collected: on a machine
 * with much memory V8 lets it grow to four times what is in use. The images' entry points say the same.
 */
export const appFlags = (): string[] => [...process.execArgv, '--max-semi-space-size=64', '--heap-growing-percent=50'];

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export type AppName = 'serving-layer' | 'speed-layer' | 'batch-layer' | 'ingest';

/** The file to run for an app: apps are run as processes, never imported. */
export const appEntry = (app: AppName): string => require.resolve(`@tidemark/${app}/main`);

export { createDatabase, databaseUrl, dropDatabase } from './database.ts';
export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './error.ts';
export { startOf as processStart } from './process.ts';
export { type EmbeddedOptions, type EmbeddedPostgres, findEmbeddedPostgres, startEmbeddedPostgres } from './server.ts';

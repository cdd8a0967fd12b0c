export { openPostgresLog, type PostgresLogOptions } from './log.ts';

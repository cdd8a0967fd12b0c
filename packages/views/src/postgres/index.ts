export { openPostgresViews, type PostgresViewsOptions } from './postgres-store.ts';

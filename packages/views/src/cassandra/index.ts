export { type CassandraViewsOptions, openCassandraViews } from './cassandra-store.ts';

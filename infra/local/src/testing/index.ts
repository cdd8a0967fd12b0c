import type {} from './provided.ts';

export { cassandraOfRun, kafkaOfRun } from './of-run.ts';

import type {} from './provided.ts';

export { eventually } from './deadline.ts';
export { cassandraOfRun, kafkaOfRun } from './of-run.ts';
export { endAll, processesOf } from './processes.ts';

import type { TestProject } from 'vitest/node';
import { startCassandra } from '../cassandra/start.ts';
import { provideServer } from './run-server.ts';

/** Nothing of a test run outlives a crash, so its writes need not wait for the disk. */
export default (project: TestProject): Promise<() => Promise<void>> =>
  provideServer(project, 'cassandra', (options) => startCassandra({ ...options, commitlogSync: 'periodic' }));

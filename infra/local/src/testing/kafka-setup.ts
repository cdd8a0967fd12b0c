import type { TestProject } from 'vitest/node';
import { startKafka } from '../kafka/start.ts';
import { provideServer } from './run-server.ts';

export default (project: TestProject): Promise<() => Promise<void>> => provideServer(project, 'kafka', startKafka);

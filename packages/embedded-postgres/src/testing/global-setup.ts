import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../server.ts';
import type {} from './provided.ts';

/** One PostgreSQL for a whole vitest run: its own folder and port, gone with the run however that ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-test-postgres-'));
  const server = await startEmbeddedPostgres({ folder, temporary: true });
  project.provide('tidemarkPostgresUrl', server.url('postgres'));
  return () => server.stop();
}

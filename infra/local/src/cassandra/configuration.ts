import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { shipped } from '../shipped.ts';

/** Settings of cassandra.yaml by name, as its own documentation has them. */
export type CassandraSettings = Readonly<Record<string, unknown>>;

/**
 * When a write is acknowledged. `batch`: when it is on the disk, so that no crash forgets it. `periodic`: at once, about
 * twice as fast; a crash forgets up to 10 s.
 */
export type CommitlogSync = 'batch' | 'periodic';

const settingsSchema = z.record(z.string(), z.unknown());

const PERIODIC = { commitlog_sync: 'periodic', commitlog_sync_period: '10000ms' };

/** The settings of one node: those shipped for all, its own, then the caller's, which win name by name. */
export function nodeSettings(options: {
  readonly folder: string;
  readonly host: string;
  readonly seed: string;
  readonly port: number;
  readonly storagePort: number;
  readonly nodes: number;
  readonly commitlogSync: CommitlogSync;
  readonly settings: CassandraSettings;
}): CassandraSettings {
  const { folder, host, seed, port, storagePort, nodes } = options;
  const data = join(folder, 'data');
  return {
    ...settingsSchema.parse(parse(readFileSync(shipped.config('cassandra', 'cassandra.yaml'), 'utf8'))),
    ...(options.commitlogSync === 'periodic' ? PERIODIC : {}),
    num_tokens: nodes === 1 ? 1 : 4,
    allocate_tokens_for_local_replication_factor: nodes === 1 ? 1 : nodes,
    commitlog_directory: join(data, 'commitlog'),
    data_file_directories: [join(data, 'tables')],
    saved_caches_directory: join(data, 'saved-caches'),
    hints_directory: join(data, 'hints'),
    cdc_raw_directory: join(data, 'cdc'),
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: `${seed}:${storagePort}` }],
      },
    ],
    listen_address: host,
    rpc_address: host,
    native_transport_port: port,
    storage_port: storagePort,
    ...options.settings,
  };
}

export const formatSettings = (settings: CassandraSettings): string => stringify(settings);

const encryption = z.object({ enabled: z.boolean().default(false), optional: z.boolean().default(false) });

/** Whether clients can't come without TLS. */
export function wantsTls(settings: CassandraSettings): boolean {
  const { enabled, optional } = encryption.parse(settings.client_encryption_options ?? {});
  return enabled && !optional;
}

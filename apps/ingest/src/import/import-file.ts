import { basename, join } from 'node:path';
import type { Catalog } from '@tidemark/catalog';
import { memoryShare, openSession, type SessionOptions } from '@tidemark/duckdb';
import { Lake, type LakeStorage, openWorkingFolder } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';
import type { Clock } from '@tidemark/runtime';
import { settle } from './earlier-imports.ts';
import type { Writers } from './event-stage.ts';
import { fileStaged } from './file-staged.ts';
import { EVENTS_SOURCE } from './import-source.ts';
import type { ImportSummary } from './import-summary.ts';
import type { InputFile } from './input-file.ts';
import type { Mapping } from './mapping.ts';
import { type OnProgress, type Staged, stageFile } from './stage-file.ts';

export type ImportContext = {
  readonly storage: LakeStorage;
  /** Null makes a dry run. */
  readonly catalog: Catalog | null;
  readonly definition: Definition;
  readonly clock: Clock;
  /** The memory is shared by two DuckDB sessions. */
  readonly limits: Pick<SessionOptions, 'memoryLimit' | 'threads'>;
  readonly onProgress: OnProgress;
};

const SAMPLE_ROWS = 10;

/**
 * Imports a file into the lake: reads and maps it, turns its rows into events, and under the catalog's import lock takes
 * what is new, a number and the manifest entry. Killed at any moment it leaves nothing that can be seen, and may be run
 * again. A dry run does all but the filing.
 */
export async function importFile(context: ImportContext, file: InputFile, mapping: Mapping): Promise<ImportSummary> {
  const { storage, catalog, definition, clock, onProgress } = context;
  const limits = { ...context.limits, memoryLimit: memoryShare(context.limits.memoryLimit, 1 / 2), keepsOrder: true };
  const startedMs = clock.now();
  const folder = await openWorkingFolder(storage, 'import');
  const session = await openSession({ ...limits, tempFolder: join(folder.path, 'filing') });
  try {
    const lake = new Lake(storage, session);
    const writers: Writers = {
      events: await lake.eventWriter(),
      rows: await lake.rowWriter(definition),
      quarantine: await lake.quarantineWriter(),
    };
    const mappingSession = await openSession({ ...limits, tempFolder: join(folder.path, 'mapping') });
    let staged: Staged;
    try {
      const sampleRows = catalog === null ? SAMPLE_ROWS : 0;
      staged = await stageFile(
        { session: mappingSession, writers, definition, folder: folder.path, sampleRows, onProgress },
        file,
        mapping,
      );
    } finally {
      mappingSession.close();
    }
    onProgress('file', 0, 1);
    const hasIds = mapping.fields.some(({ name }) => name === 'event_id');
    const identity = mapping.source?.key && !hasIds ? 'content' : 'id';
    const filed = await fileStaged(
      context,
      {
        lake,
        writers,
        settle: (isKnownFile) => settle(session, lake, definition, writers, { identity, isKnownFile }),
      },
      { ...staged, name: basename(file.path), source: sourceName(mapping) },
    );
    onProgress('file', 1, 1);
    const { sample, ...counts } = staged;
    return {
      file: basename(file.path),
      source: sourceName(mapping),
      import: filed.number,
      dry_run: catalog === null,
      ...counts,
      ...filed.settled,
      duration_ms: clock.now() - startedMs,
      ...(catalog === null ? { sample } : {}),
    };
  } finally {
    session.close();
    await folder.remove();
  }
}

const sourceName = ({ source }: Mapping): string => source?.name ?? EVENTS_SOURCE;

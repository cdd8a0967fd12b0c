import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Catalog } from '@tidemark/catalog';
import { TidemarkError } from '@tidemark/contracts';
import { openSession, type Session, type SessionOptions } from '@tidemark/duckdb';
import { Lake, type LakeStorage, type LandedImport } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';
import { type Clock, reached } from '@tidemark/runtime';
import { type Settled, settle } from './earlier-imports.ts';
import type { Writers } from './event-stage.ts';
import { EVENTS_SOURCE } from './import-source.ts';
import type { ImportSummary } from './import-summary.ts';
import type { InputFile } from './input-file.ts';
import type { Mapping } from './mapping.ts';
import { type OnProgress, type Staged, stageFile } from './stage-file.ts';
import { makeWorkingFolder } from './working-folder.ts';

export type ImportContext = {
  readonly storage: LakeStorage;
  /** Null makes a dry run. */
  readonly catalog: Catalog | null;
  readonly definition: Definition;
  readonly clock: Clock;
  /** Of each of the two DuckDB sessions. */
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
  const { storage, catalog, definition, clock, limits, onProgress } = context;
  const startedMs = clock.now();
  const folder = await makeWorkingFolder(storage.scratchFolder, startedMs);
  const session = await openSession({ ...limits, tempFolder: join(folder, 'filing') });
  try {
    const lake = new Lake(storage, session);
    const writers: Writers = {
      events: await lake.eventWriter(),
      rows: await lake.rowWriter(definition),
      quarantine: await lake.quarantineWriter(),
    };
    const mappingSession = await openSession({ ...limits, tempFolder: join(folder, 'mapping') });
    let staged: Staged;
    try {
      const sampleRows = catalog === null ? SAMPLE_ROWS : 0;
      staged = await stageFile(
        { session: mappingSession, writers, definition, folder, sampleRows, onProgress },
        file,
        mapping,
      );
    } finally {
      mappingSession.close();
    }
    onProgress('file', 0, 1);
    const filed = await fileStaged(context, { lake, session, writers }, { file, mapping, staged });
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
    await rm(folder, { recursive: true, force: true });
  }
}

type Filing = { readonly lake: Lake; readonly session: Session; readonly writers: Writers };
type Filed = { readonly number: number | null; readonly settled: Settled };
type StagedFile = { readonly file: InputFile; readonly mapping: Mapping; readonly staged: Staged };

async function fileStaged(context: ImportContext, filing: Filing, given: StagedFile): Promise<Filed> {
  const { catalog } = context;
  if (catalog === null) {
    const { settled } = await settleStaged(context, filing, given);
    return { number: null, settled };
  }
  const filed = await underImportLock(catalog, async () => {
    const { settled, isKnownFile } = await settleStaged(context, filing, given);
    const hasEvents = settled.imported + settled.replaced > 0;
    const isRejected = Object.keys(given.staged.quarantined).length > 0;
    // What is turned away is news the first time only.
    const number = hasEvents || (isRejected && !isKnownFile) ? await commit(context, filing, given, settled) : null;
    return { number, settled };
  });
  await recordInCatalog(catalog, filing.lake);
  return filed;
}

/** A wait for the lock ends after a while; what was staged is worth waiting longer for. */
const LOCK_TRIES = 20;

async function underImportLock<T>(catalog: Catalog, fn: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await catalog.withImportLock(fn);
    } catch (error) {
      const isBusy = error instanceof TidemarkError && error.code === 'TIDEMARK_CATALOG_BUSY';
      if (!isBusy || tries === LOCK_TRIES) throw error;
    }
  }
}

async function settleStaged({ definition }: ImportContext, filing: Filing, { mapping, staged }: StagedFile) {
  const { lake, session, writers } = filing;
  const source = sourceName(mapping);
  const isKnownFile = (await lake.imports()).some(
    (entry) => entry.inputSha256 === staged.sha256 && entry.source === source,
  );
  const hasIds = mapping.fields.some(({ name }) => name === 'event_id');
  const identity = mapping.source?.key && !hasIds ? 'content' : 'id';
  const settled = await settle(session, lake, definition, writers, { identity, isKnownFile });
  return { settled, isKnownFile };
}

/** Numbers the import and makes it part of history. Files first, the entry that names them last. */
async function commit(context: ImportContext, filing: Filing, given: StagedFile, settled: Settled): Promise<number> {
  const { definition, clock, catalog } = context;
  const { lake, writers } = filing;
  const { staged, mapping, file } = given;
  const quarantine = await writers.quarantine.finish();
  const numbers = [...(await lake.imports()), ...((await catalog?.imports()) ?? [])].map(({ number }) => number);
  const entry: LandedImport = {
    number: Math.max(0, ...numbers) + 1,
    source: sourceName(mapping),
    name: basename(file.path),
    inputSha256: staged.sha256,
    importedAtMs: clock.now(),
    file: await writers.events.finish(),
    ...(quarantine ? { quarantine } : {}),
    counts: {
      read: staged.read,
      rows: staged.rows,
      ...settled,
      ...Object.fromEntries(
        Object.entries(staged.quarantined).map(([code, { rows }]) => [`quarantined.${code}`, rows]),
      ),
    },
  };
  const rows = await writers.rows.finish();
  reached('import: files put');
  await lake.commitImport(definition, entry, rows);
  reached('import: filed');
  return entry.number;
}

/** Shows the catalog every import that the lake has, also one whose process died in between. */
async function recordInCatalog(catalog: Catalog, lake: Lake): Promise<void> {
  const known = new Set((await catalog.imports()).map(({ number }) => number));
  for (const { number, name, inputSha256, source, counts, importedAtMs } of await lake.imports()) {
    if (known.has(number)) continue;
    await catalog.recordImport({ number, file: name, sha256: inputSha256, source, counts, atMs: importedAtMs });
  }
}

const sourceName = ({ source }: Mapping): string => source?.name ?? EVENTS_SOURCE;

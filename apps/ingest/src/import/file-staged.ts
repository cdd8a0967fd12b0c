import type { Catalog } from '@tidemark/catalog';
import { TidemarkError } from '@tidemark/contracts';
import type { Lake, LandedImport } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';
import { type Clock, reached } from '@tidemark/runtime';
import type { Settled } from './earlier-imports.ts';
import type { Writers } from './event-stage.ts';
import type { Staged } from './stage-file.ts';

type FilingContext = {
  /** Null makes a dry run. */
  readonly catalog: Catalog | null;
  readonly definition: Definition;
  readonly clock: Clock;
};

/** Where a file's events were staged. */
export type Filing = {
  readonly lake: Lake;
  readonly writers: { readonly [K in keyof Writers]: Pick<Writers[K], 'finish'> };
  /** Takes back from the writers what earlier imports hold already. `isKnownFile`: the same content was imported before. */
  settle(isKnownFile: boolean): Promise<Settled>;
};

/** What was staged: the file's name and content, the source its rows are of, and how many were read and turned away. */
export type StagedFile = Pick<Staged, 'sha256' | 'read' | 'rows' | 'quarantined'> & {
  readonly name: string;
  readonly source: string;
};

/** `number`: null when there was nothing new to file, or in a dry run. */
export type Filed = { readonly number: number | null; readonly settled: Settled };

/**
 * Makes what was staged part of history, under the catalog's import lock: takes what is new, a number and the manifest entry.
 * Killed at any moment it leaves nothing that can be seen, or a whole import; the catalog is shown those that it lacks by
 * whoever imports next.
 */
export async function fileStaged(context: FilingContext, filing: Filing, staged: StagedFile): Promise<Filed> {
  const { catalog } = context;
  if (catalog === null) {
    const { settled } = await settleStaged(filing, staged);
    return { number: null, settled };
  }
  const filed = await underImportLock(catalog, async () => {
    const { settled, isKnownFile } = await settleStaged(filing, staged);
    const hasEvents = settled.imported + settled.replaced > 0;
    const isRejected = Object.keys(staged.quarantined).length > 0;
    // What is turned away is news the first time only.
    const isNews = hasEvents || (isRejected && !isKnownFile);
    return { number: isNews ? await commit({ ...context, catalog }, filing, staged, settled) : null, settled };
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

async function settleStaged({ lake, settle }: Filing, { sha256, source }: StagedFile) {
  const isKnownFile = (await lake.imports()).some((entry) => entry.inputSha256 === sha256 && entry.source === source);
  return { settled: await settle(isKnownFile), isKnownFile };
}

/** Numbers the import and makes it part of history. Files first, the entry that names them last. */
async function commit(
  { definition, clock, catalog }: FilingContext & { readonly catalog: Catalog },
  { lake, writers }: Filing,
  { name, source, sha256, read, rows, quarantined }: StagedFile,
  settled: Settled,
): Promise<number> {
  const quarantine = await writers.quarantine.finish();
  const numbers = [...(await lake.imports()), ...(await catalog.imports())].map(({ number }) => number);
  const entry: LandedImport = {
    number: Math.max(0, ...numbers) + 1,
    source,
    name,
    inputSha256: sha256,
    importedAtMs: clock.now(),
    file: await writers.events.finish(),
    ...(quarantine ? { quarantine } : {}),
    counts: {
      read,
      rows,
      ...settled,
      ...Object.fromEntries(Object.entries(quarantined).map(([code, { rows }]) => [`quarantined.${code}`, rows])),
    },
  };
  const expanded = await writers.rows.finish();
  reached('import: files put');
  await lake.commitImport(definition, entry, expanded);
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

import { openCatalog } from '@tidemark/catalog';
import { openSession } from '@tidemark/duckdb';
import { openDuckDbEngine } from '@tidemark/engine/duckdb';
import { Lake, openWorkingFolder } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { type App, type Options, systemClock } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import type { BatchContext, Progress } from './batch-context.ts';

export const CONTEXT_OPTIONS = [
  'logUrl',
  'viewsUrl',
  'lakeUrl',
  'catalogUrl',
  'currency',
  'partitions',
  'engineMemory',
  'engineThreads',
  'barrierDistanceMs',
  'floorGraceMs',
  'generations',
] as const;

type Required = 'logUrl' | 'viewsUrl' | 'lakeUrl' | 'catalogUrl';

/** Every recompute opens every file of rows, so they must not become very many. */
const MERGE_AT_FILES = 64;

/** What landing may gather in memory beside the engine. */
const LANDING_MEMORY = '512MB';

/** Opens everything a run needs, to be closed when the app stops. */
export async function openContext(
  app: App,
  options: Options<(typeof CONTEXT_OPTIONS)[number], Required>,
  progress: (progress: Progress) => void,
): Promise<BatchContext> {
  const definition = define(options.currency);
  const log = await openLog(options.logUrl, { partitions: options.partitions });
  app.onStop('log', () => log.close());
  const store = await openViews(options.viewsUrl);
  app.onStop('views', () => store.close());
  const catalog = await openCatalog(options.catalogUrl);
  app.onStop('catalog', () => catalog.close());
  const storage = await openStorage(options.lakeUrl);
  const folder = await openWorkingFolder(storage, 'batch');
  app.onStop('working folder', () => folder.remove());
  const landing = await openSession({
    memoryLimit: LANDING_MEMORY,
    threads: 1,
    tempFolder: folder.path,
    keepsOrder: true,
  });
  app.onStop('landing', () => landing.close());
  const engine = openDuckDbEngine({
    memoryLimit: options.engineMemory,
    threads: options.engineThreads,
    tempFolder: folder.path,
  });
  app.onStop('engine', () => engine.close());
  const { barrierDistanceMs, floorGraceMs, generations } = options;
  return {
    definition,
    log,
    store,
    views: await store.open(definition),
    lake: new Lake(storage, landing),
    engine,
    catalog,
    clock: systemClock,
    settings: { barrierDistanceMs, floorGraceMs, generations, mergeAtFiles: MERGE_AT_FILES },
    progress,
  };
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Catalog, openCatalog } from '@tidemark/catalog';
import { openSession, type Session } from '@tidemark/duckdb';
import { Lake, type LakeStorage } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { define } from '@tidemark/metrics';
import { systemClock } from '@tidemark/runtime';
import { createMapping, type ImportSummary, importFile, inspectFile, type MappingFile } from '../index.ts';

const definition = define('USD');
const limits = { memoryLimit: '512MB', threads: 2 };

export type QuarantinedText = { readonly line: number; readonly code: string; readonly raw: string };

/** A lake and a catalog for one test, and files to import into them. */
export class ImportWorld {
  readonly folder: string;
  readonly storage: LakeStorage;
  readonly catalog: Catalog;
  readonly lake: Lake;
  readonly #session: Session;

  private constructor(folder: string, storage: LakeStorage, catalog: Catalog, session: Session) {
    this.folder = folder;
    this.storage = storage;
    this.catalog = catalog;
    this.#session = session;
    this.lake = new Lake(storage, session);
  }

  static async open(catalogUrl: string): Promise<ImportWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-ingest-'));
    const session = await openSession({ ...limits, tempFolder: join(folder, 'spill') });
    return new ImportWorld(folder, await openStorage(join(folder, 'lake')), await openCatalog(catalogUrl), session);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return path;
  }

  async import(
    path: string,
    mapping: MappingFile,
    options: { readonly storage?: LakeStorage; readonly catalog?: Catalog; readonly isDry?: boolean } = {},
  ): Promise<ImportSummary> {
    const file = await inspectFile(path, {});
    return importFile(
      {
        storage: options.storage ?? this.storage,
        catalog: options.isDry ? null : (options.catalog ?? this.catalog),
        definition,
        clock: systemClock,
        limits,
        onProgress: () => {},
      },
      file,
      createMapping(mapping),
    );
  }

  /** Every event of every import, in order. */
  async events(): Promise<readonly Record<string, unknown>[]> {
    const events: Record<string, unknown>[] = [];
    for (const entry of await this.lake.imports()) {
      for await (const { value } of this.lake.records(entry)) events.push(JSON.parse(Buffer.from(value).toString()));
    }
    return events;
  }

  async quarantined(): Promise<readonly QuarantinedText[]> {
    const lines: QuarantinedText[] = [];
    for (const entry of await this.lake.imports()) {
      for await (const { line, code, raw } of this.lake.quarantined(entry)) {
        lines.push({ line, code, raw: Buffer.from(raw).toString('latin1') });
      }
    }
    return lines;
  }

  /** What the batch layer reads of the imports: for each (customer, key) the row of the newest import. */
  async newestOrders(): Promise<ReadonlyMap<string, string>> {
    const files = await this.lake.rowFiles(definition, { partitions: new Map(), imports: 1_000 });
    const parts = (files.get('orders') ?? []).map(
      ({ location, import: number }) =>
        `SELECT ${number} AS import, customer_id, event_id, key, position, total_amount FROM read_parquet('${location}')`,
    );
    const sql = `WITH kept AS (SELECT *, row_number() OVER (PARTITION BY customer_id, event_id ORDER BY import, position) AS nth
      FROM (${parts.join(' UNION ALL ')}))
      SELECT customer_id || '/' || key, arg_max(total_amount, (import, position))::VARCHAR FROM kept WHERE nth = 1 GROUP BY 1`;
    const rows = (await this.#session.connection.runAndReadAll(sql)).getRows();
    return new Map(rows.map(([key, amount]) => [String(key), String(amount)]));
  }

  async close(): Promise<void> {
    this.#session.close();
    await this.catalog.close();
    await rm(this.folder, { recursive: true });
  }
}

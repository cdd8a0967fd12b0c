import type { Pool } from '@tidemark/postgres';
import type { CutLock } from './cut-lock.ts';
import { CatalogError } from './error.ts';

export type ImportEntry = {
  /** As in the lake's manifest. */
  readonly number: number;
  readonly file: string;
  readonly sha256: string;
  readonly source: string;
  /** Rows read, imported, repeated, replaced, quarantined by reason; decimal strings past 2^53. */
  readonly counts: Readonly<Record<string, string | number>>;
  readonly atMs: number;
};

export type Imports = {
  /**
   * Runs `fn` while no run can freeze its cut and no other import can be numbered: inside, an import takes its number
   * and puts its manifest entry.
   */
  withImportLock<T>(fn: () => Promise<T>): Promise<T>;
  /** Records it for people to see; the manifest is what counts. The same again is harmless. */
  recordImport(entry: ImportEntry): Promise<void>;
  /** Ascending by number. */
  imports(): Promise<readonly ImportEntry[]>;
};

type ImportRow = Omit<ImportEntry, 'number' | 'atMs'> & { readonly number: bigint; readonly imported_at: Date };

export function createImports(pool: Pool, cutLock: CutLock): Imports {
  return {
    withImportLock: (fn) => cutLock.hold(() => fn()),
    recordImport: async ({ number, file, sha256, source, counts, atMs }) => {
      const { rows } = await pool.query<{ sha256: string }>(
        `INSERT INTO tidemark_catalog.imports AS i (number, file, sha256, source, counts, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (number) DO UPDATE SET number = i.number RETURNING sha256`,
        [number, file, sha256, source, JSON.stringify(counts), new Date(atMs)],
      );
      if (rows[0]?.sha256 === sha256) return;
      throw new CatalogError('TIDEMARK_CATALOG_CONFLICT', `Import ${number} is recorded already, of another file.`);
    },
    imports: async () => {
      const { rows } = await pool.query<ImportRow>('SELECT * FROM tidemark_catalog.imports ORDER BY number');
      return rows.map(({ number, file, sha256, source, counts, imported_at }) => ({
        number: Number(number),
        file,
        sha256,
        source,
        counts,
        atMs: imported_at.getTime(),
      }));
    },
  };
}

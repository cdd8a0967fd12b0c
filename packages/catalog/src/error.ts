import { TidemarkError } from '@tidemark/contracts';

export type CatalogErrorCode =
  /** The catalog was made by a later Tidemark than this one. */
  | 'TIDEMARK_CATALOG_NEWER'
  /** Its tables could not be made or brought up to date. */
  | 'TIDEMARK_CATALOG_MIGRATION'
  /** A run that is not there. */
  | 'TIDEMARK_CATALOG_NO_RUN'
  /** Something that is decided once was given another value: an import's file, a published generation's lineage. */
  | 'TIDEMARK_CATALOG_CONFLICT'
  /** Somebody else holds the cut for too long. */
  | 'TIDEMARK_CATALOG_BUSY'
  /** The connection that held a lock broke, so others may have had it meanwhile. */
  | 'TIDEMARK_CATALOG_LOCK_LOST';

/** What the catalog raises on purpose. Errors of a query stay `pg`'s own. */
export class CatalogError extends TidemarkError {
  declare readonly code: CatalogErrorCode;

  constructor(code: CatalogErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}

import type { CustomerView } from '../customer-reader.ts';

/** A form that the whole merged view is written in, page by page. */
export type ExportFormat = {
  readonly mediaType: string;
  /** Writes one export; the parts it gives back, one after the other, are the file. */
  open(): ExportWriter;
};

export type ExportWriter = {
  page(customers: readonly CustomerView[]): Uint8Array | string;
  /** What closes the file: a reader that misses it knows that the file is torn, where the format has such a mark. */
  end(): Uint8Array | string;
};

import { hash } from 'node:crypto';
import { type ParseResult, parse } from '@tidemark/contracts';
import { EVENTS_SOURCE, type Filed, fileStaged } from '@tidemark/ingest';
import type { MemoryDisk } from './memory-files.ts';
import type { Ports } from './ports.ts';

/** A file of events, one a line. Its name says all of its content. */
export type EventFile = { readonly name: string; readonly lines: readonly Uint8Array[] };

type Accepted = {
  readonly row: number;
  readonly value: Uint8Array;
  readonly parsed: ParseResult & { readonly ok: true };
};

/**
 * Imports a file as the command does, but for reading it and for the SQL that takes back what earlier imports hold, which are
 * DuckDB's: here the lines are parsed one by one, and of an id the first counts, over all imports.
 */
export async function importFile(
  { lake, catalog, definition, clock }: Pick<Ports, 'lake' | 'catalog' | 'definition' | 'clock'>,
  disk: MemoryDisk,
  { name, lines }: EventFile,
): Promise<Filed> {
  const staged: Accepted[] = lines.flatMap((value, row) => {
    const parsed = parse(value, { currency: definition.currency });
    return parsed.ok ? [{ row, value, parsed }] : [];
  });
  let isNew: readonly Accepted[] = staged;
  const rejected = lines.length - staged.length;
  return fileStaged(
    { catalog, definition, clock },
    {
      lake,
      writers: {
        events: {
          finish: async () => {
            const writer = await lake.eventWriter();
            for (const { row, value, parsed } of isNew)
              writer.append({ place: { row }, key: null, value, timestampMs: null, parsed });
            return writer.finish();
          },
        },
        rows: {
          finish: async () => {
            const writer = await lake.rowWriter(definition);
            for (const { row, parsed } of isNew) writer.append({ row }, parsed.event);
            return writer.finish();
          },
        },
        quarantine: { finish: async () => null },
      },
      settle: async () => {
        const known = new Set<string>();
        const files = await lake.rowFiles(definition, { partitions: new Map(), imports: Number.MAX_SAFE_INTEGER });
        for (const { location } of [...files.values()].flat())
          for (const { event } of disk.rows(location)) known.add(idOf(event));
        isNew = staged.filter(({ parsed: { event } }) => {
          const isKnown = known.has(idOf(event));
          known.add(idOf(event));
          return !isKnown;
        });
        return { imported: isNew.length, repeated: staged.length - isNew.length, replaced: 0 };
      },
    },
    {
      name,
      source: EVENTS_SOURCE,
      sha256: hash('sha256', name, 'hex'),
      read: lines.length,
      rows: lines.length,
      quarantined: rejected === 0 ? {} : { rejected: { rows: rejected, lines: rejected } },
    },
  );
}

export const idOf = ({ customer_id, event_id }: { readonly customer_id: string; readonly event_id: string }): string =>
  `${customer_id} ${event_id}`;

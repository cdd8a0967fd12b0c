import type { Catalog } from '@tidemark/catalog';
import { parse } from '@tidemark/contracts';
import type { Lake } from '@tidemark/lake';
import type { Definition } from '@tidemark/metrics';

/**
 * Imports a few events as they are, numbered and filed under the lock that freezes a run's cut. `accepted` are those that
 * count, in the order of their rows.
 */
export async function importEvents(
  { lake, catalog }: { readonly lake: Lake; readonly catalog: Pick<Catalog, 'withImportLock'> },
  definition: Definition,
  values: readonly Uint8Array[],
  atMs: number,
): Promise<{ readonly number: number; readonly accepted: readonly Uint8Array[] }> {
  const events = await lake.eventWriter();
  const rows = await lake.rowWriter(definition);
  const accepted: Uint8Array[] = [];
  for (const value of values) {
    const parsed = parse(value, { currency: definition.currency });
    if (!parsed.ok) continue;
    const place = { row: accepted.length };
    events.append({ place, key: null, value, timestampMs: null, parsed });
    rows.append(place, parsed.event);
    accepted.push(value);
  }
  const file = await events.finish();
  const expanded = await rows.finish();
  const number = await catalog.withImportLock(async () => {
    const next = ((await lake.imports()).at(-1)?.number ?? 0) + 1;
    const entry = { source: 'events', name: 'random', inputSha256: '', importedAtMs: atMs, file, counts: {} };
    await lake.commitImport(definition, { ...entry, number: next }, expanded);
    return next;
  });
  return { number, accepted };
}

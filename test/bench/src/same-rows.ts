import type { Views } from '@tidemark/views';

const PAGE = 1_000;

/** Throws unless both hold the same deltas of the same customers: states, offsets and ids, value by value. */
export async function expectSameRows(ours: Views, theirs: Views): Promise<void> {
  const [a, b] = [await rowsOf(ours), await rowsOf(theirs)];
  const differing = [...new Set([...a.keys(), ...b.keys()])].filter(
    (customerId) => a.get(customerId) !== b.get(customerId),
  );
  const [first] = differing;
  if (first === undefined) return;
  throw new Error(`${differing.length} customers of ${a.size} differ, as ${first}:\n${a.get(first)}\n${b.get(first)}`);
}

async function rowsOf(views: Views): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let cursor: string | null = null;
  do {
    const page = await views.scan(null, null, { after: cursor, limit: PAGE });
    for (const { customerId, deltas } of page.rows) found.set(customerId, JSON.stringify(deltas, canonical));
    cursor = page.cursor;
  } while (cursor !== null);
  return found;
}

function canonical(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value;
}

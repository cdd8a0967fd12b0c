/** A plain file of order lines, as shops export them, and what is in it by another computation. */
export type Retail = {
  readonly csv: string;
  /** Orders that can be imported: cents by exact sums of thousandths, rounded once. */
  readonly orders: ReadonlyMap<string, { customer: string; cents: bigint; date: string; cancelled: boolean }>;
  readonly withoutCustomer: { readonly orders: number; readonly lines: number };
};

/** The same file for the same seed (mulberry32). */
export function makeRetail(lines: number, seed: number): Retail {
  let state = seed;
  const next = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
  const orders = new Map<string, { customer: string; cents: bigint; date: string; cancelled: boolean }>();
  const withoutCustomer = { orders: 0, lines: 0 };
  const rows: string[] = ['Receipt,Sku,Text,Pieces,Day,Price,Client,Land'];
  for (let number = 536_365; rows.length <= lines; number++) {
    const cancelled = next(12) === 0;
    const receipt = `${cancelled ? 'X' : ''}${number}`;
    const client = next(4) === 0 ? '' : String(next(4_400)).padStart(6, '0');
    const count = Math.min(1 + next(20), lines - rows.length + 1);
    let thousandths = 0n;
    let earliest = Number.POSITIVE_INFINITY;
    for (let line = 0; line < count; line++) {
      const atMs = Date.UTC(2010, 11, 1) + next(370 * 24 * 60) * 60_000;
      const at = new Date(atMs);
      const day = `${at.getUTCMonth() + 1}/${at.getUTCDate()}/${at.getUTCFullYear()} ${at.getUTCHours()}:${String(at.getUTCMinutes()).padStart(2, '0')}`;
      const pieces = 1 + next(80);
      const price = next(20_000);
      thousandths += BigInt(pieces * price);
      earliest = Math.min(earliest, atMs);
      const text = next(5) === 0 ? '"WHITE ""HEART"", T-LIGHT"' : '3" LANTERN';
      const written = `${Math.floor(price / 1000)}.${String(price % 1000).padStart(3, '0')}`;
      rows.push(`${receipt},S${next(999)},${text},${cancelled ? -pieces : pieces},${day},${written},${client},Land`);
    }
    if (client === '') {
      withoutCustomer.orders++;
      withoutCustomer.lines += count;
    } else {
      const cents = (thousandths + 5n) / 10n;
      orders.set(receipt, { customer: client, cents, date: new Date(earliest).toISOString(), cancelled });
    }
  }
  return { csv: `${rows.join('\n')}\n`, orders, withoutCustomer };
}

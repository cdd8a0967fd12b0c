/** Maps from a bucket to an amount, never written in place, never holding a zero. */
export type Counts<K> = ReadonlyMap<K, bigint>;

export function addTo<K extends string | number>(counts: Counts<K>, key: K, amount: bigint): Counts<K> {
  const next = new Map(counts);
  const total = (counts.get(key) ?? 0n) + amount;
  if (total === 0n) next.delete(key);
  else next.set(key, total);
  return next;
}

export function mergeCounts<K extends string | number>(a: Counts<K>, b: Counts<K>): Counts<K> {
  if (b.size === 0) return a;
  if (a.size === 0) return b;
  const total = new Map(a);
  for (const [key, amount] of b) {
    const sum = (total.get(key) ?? 0n) + amount;
    if (sum === 0n) total.delete(key);
    else total.set(key, sum);
  }
  return total;
}

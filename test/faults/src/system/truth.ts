/** What a customer has, as the writer knows it: counts of acknowledged events. */
export type Truth = { order_count: number; tickets_total: number; email_opens: number; total_revenue: bigint };

export const NOTHING: Readonly<Truth> = { order_count: 0, tickets_total: 0, email_opens: 0, total_revenue: 0n };

const dollars = (cents: bigint): string => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;

/** The counts as answers have them. */
export const countsOf = (truth: Readonly<Truth> | undefined): readonly unknown[] =>
  truth === undefined ? [] : [truth.order_count, truth.tickets_total, truth.email_opens, dollars(truth.total_revenue)];

/** The same of an answer. */
export const answeredOf = (metrics: Readonly<Record<string, unknown>> | undefined): readonly unknown[] =>
  metrics === undefined ? [] : [metrics.order_count, metrics.tickets_total, metrics.email_opens, metrics.total_revenue];

/** The rows that differ, for whoever reads a failure. */
export function differences(found: unknown, expected: readonly unknown[]): string {
  if (!Array.isArray(found)) return `the last answer: ${JSON.stringify(found)}`;
  const rows = expected.flatMap((row, nth) =>
    JSON.stringify(row) === JSON.stringify(found[nth])
      ? []
      : [`${JSON.stringify(found[nth])}, expected ${JSON.stringify(row)}`],
  );
  return `${rows.length} customers: ${rows.slice(0, 5).join('\n')}`;
}

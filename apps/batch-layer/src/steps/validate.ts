import type { Inspection } from '@tidemark/engine';

/**
 * The quality gate: why a recomputed generation must not be published, or nothing. History is immutable and only grows,
 * so a customer that was there cannot be gone, and no sum of accepted amounts is negative.
 */
export function objections(inspection: Inspection, rows: number): readonly string[] {
  const found: string[] = [];
  if (rows > 0 && inspection.customers === 0) found.push(`no customer came out of ${rows} rows`);
  if (inspection.duplicateCustomers > 0) found.push(`${inspection.duplicateCustomers} customers came out twice`);
  for (const [column, count] of Object.entries(inspection.nulls))
    found.push(`${column} is null for ${count} customers`);
  for (const [column, count] of Object.entries(inspection.negativeMoney))
    found.push(`${column} is negative for ${count} customers`);
  if (inspection.lost !== null && inspection.lost > 0)
    found.push(`${inspection.lost} customers of the live generation are missing`);
  return found;
}

/** What an import did. Every line read and every row made is in exactly one of the counts. */
export type ImportSummary = {
  readonly file: string;
  readonly source: string;
  /** Of the unpacked content. */
  readonly sha256: string;
  /** Null when nothing was filed: a dry run, or nothing in the file was new. */
  readonly import: number | null;
  readonly dry_run: boolean;
  /** Records of the file, without header and blank lines. */
  readonly read: number;
  /** What they made: with `--group-by` one row of several lines. */
  readonly rows: number;
  /** Rows of keys that no import had. */
  readonly imported: number;
  /** Rows that say what was imported already. */
  readonly repeated: number;
  /** Rows that took the place of an earlier one of their key, in an earlier import or further up in the file. */
  readonly replaced: number;
  /** By reason code. `lines` is more than `rows` where a row of several lines was turned away whole. */
  readonly quarantined: Readonly<Record<string, { readonly rows: number; readonly lines: number }>>;
  readonly duration_ms: number;
  /** Ten rows of a dry run. */
  readonly sample?: readonly SampleRow[];
};

export type SampleRow =
  | { readonly line: number; readonly events: readonly unknown[] }
  | { readonly line: number; readonly code: string; readonly reason: string };

/** Totals of what was turned away. */
export function quarantinedTotal(summary: ImportSummary): { readonly rows: number; readonly lines: number } {
  const all = Object.values(summary.quarantined);
  return { rows: all.reduce((sum, { rows }) => sum + rows, 0), lines: all.reduce((sum, { lines }) => sum + lines, 0) };
}

/** The summary for people. */
export function describeSummary(summary: ImportSummary): string {
  const number = (count: number) => count.toLocaleString('en-US');
  const lines = [
    `${summary.file}: ${number(summary.read)} lines read, ${number(summary.rows)} rows of ${summary.source}, in ${(summary.duration_ms / 1000).toFixed(1)} s`,
    `  imported     ${number(summary.imported)}`,
    `  repeated     ${number(summary.repeated)}`,
    `  replaced     ${number(summary.replaced)}`,
    `  quarantined  ${number(quarantinedTotal(summary).rows)}`,
  ];
  for (const [code, { rows, lines: count }] of Object.entries(summary.quarantined)) {
    lines.push(`    ${code}: ${number(rows)} rows of ${number(count)} lines`);
  }
  if (summary.dry_run)
    lines.push(
      'Dry run: nothing was written. The first rows:',
      ...(summary.sample ?? []).map((row) => `  ${JSON.stringify(row)}`),
    );
  else if (summary.import === null) lines.push('Nothing in the file is new: nothing was written.');
  else lines.push(`Import ${summary.import}: the next generation shows it.`);
  return lines.join('\n');
}

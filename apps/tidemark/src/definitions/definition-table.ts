import { table } from '../console/table.ts';
import type { DefinitionRow } from './definitions.ts';

const TITLES = ['definition', '', 'until', 'generation', 'speed layers', 'to be folded', 'missing'];

/** The definitions for a person's eyes; empty when there is none. */
export function definitionTable(rows: readonly DefinitionRow[]): string {
  if (rows.length === 0) return '';
  const cells = rows.map(({ definition, state, until, generation, speed_layers, behind, missing }) => [
    definition,
    state,
    until ?? '–',
    generation?.toString() ?? 'none',
    String(speed_layers),
    behind === 0 ? 'nothing' : `in ${behind} partitions`,
    missing.join('; '),
  ]);
  return table(
    TITLES.map((title) => ({ title })),
    cells,
  );
}

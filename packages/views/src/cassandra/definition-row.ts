import type { Column, ColumnType } from '@tidemark/metrics';
import { z } from 'zod';
import { CASSANDRA_TYPES } from './column-type.ts';
import type { ComparedTable } from './compared-row.ts';
import { booleanBytes, textBytes } from './wire-bytes.ts';
import { booleanOf, textOf } from './wire-value.ts';

/** What is decided once for all who open a definition at the same time. */
export type DefinitionRow = {
  readonly columns: readonly Column[];
  /** The ids of its tables follow from it; another one each time that the definition is made. */
  readonly incarnation: string;
  /** Its tables are being dropped: some may be gone. */
  readonly dropping: boolean;
};

const isColumnType = (given: unknown): given is ColumnType =>
  typeof given === 'string' && Object.hasOwn(CASSANDRA_TYPES, given);
const storedColumns = z.array(z.object({ name: z.string(), type: z.custom<ColumnType>(isColumnType) }));

export const DEFINITION: ComparedTable<DefinitionRow> = {
  table: 'definition',
  key: 'id',
  columns: ['columns', 'incarnation', 'dropping'],
  encode: ({ columns, incarnation, dropping }) => [
    textBytes(JSON.stringify(columns)),
    incarnation,
    booleanBytes(dropping),
  ],
  decode: ({ columns, incarnation, dropping }) => ({
    columns: storedColumns.parse(JSON.parse(textOf(columns))),
    incarnation: String(incarnation),
    dropping: booleanOf(dropping),
  }),
};

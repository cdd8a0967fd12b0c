import type { Column, ColumnType } from '@tidemark/metrics';
import { z } from 'zod';
import { CASSANDRA_TYPES } from './column-type.ts';
import type { ComparedTable } from './compared-row.ts';
import { booleanBytes, int32Bytes, textBytes } from './wire-bytes.ts';
import { booleanOf, numberOf, textOf } from './wire-value.ts';

/** What is decided once for all who open a definition at the same time. */
export type DefinitionRow = {
  readonly columns: readonly Column[];
  /** Its tables are called after it, `tableSet`. */
  readonly life: number;
  /** The ids of its tables follow from it; another one for each life. */
  readonly incarnation: string;
  /** The tables of this life are being dropped: some may be gone, or all. */
  readonly dropping: boolean;
};

const isColumnType = (given: unknown): given is ColumnType =>
  typeof given === 'string' && Object.hasOwn(CASSANDRA_TYPES, given);
const storedColumns = z.array(z.object({ name: z.string(), type: z.custom<ColumnType>(isColumnType) }));

export const DEFINITION: ComparedTable<DefinitionRow> = {
  table: 'definition',
  key: 'id',
  columns: ['columns', 'life', 'incarnation', 'dropping'],
  encode: ({ columns, life, incarnation, dropping }) => [
    textBytes(JSON.stringify(columns)),
    int32Bytes(life),
    incarnation,
    booleanBytes(dropping),
  ],
  decode: ({ columns, life, incarnation, dropping }) => ({
    columns: storedColumns.parse(JSON.parse(textOf(columns))),
    life: numberOf(life),
    incarnation: String(incarnation),
    dropping: booleanOf(dropping),
  }),
};

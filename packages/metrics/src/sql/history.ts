import type { Source } from '../source.ts';
import { rowColumns } from './row-columns.ts';

/**
 * The landed rows of some customers, as a query over `landed_<source>` with the columns of `rowColumns`. `customers` is
 * the SQL of a list of ids.
 */
export const historySql = (source: Source, customers: string): string =>
  `SELECT ${rowColumns(source)
    .map(({ name }) => `"${name}"`)
    .join(', ')} FROM landed_${source.name} SEMI JOIN (SELECT unnest(${customers}) AS customer_id) USING (customer_id)`;

import pg from 'pg';

const INT8 = 20;
const INT8_ARRAY = 1016;
const DATE = 1082;
const TIMESTAMP = 1114;

type Parse = (text: string) => unknown;

/** `pg` reads a timestamp without zone as local time; ours are UTC by rule, whatever the machine's zone is. */
const timestampAsUtc: Parse = (text) => new Date(`${text.replace(' ', 'T')}Z`);

/** `{1,NULL,2}`, of one dimension. */
const int8Array: Parse = (text) =>
  text === '{}'
    ? []
    : text
        .slice(1, -1)
        .split(',')
        .map((each) => (each === 'NULL' ? null : BigInt(each)));

const parsers: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [INT8, (text) => BigInt(text)],
  [INT8_ARRAY, int8Array],
  // A calendar day has no instant: it stays `YYYY-MM-DD`.
  [DATE, (text) => text],
  [TIMESTAMP, timestampAsUtc],
]);

/**
 * How values come back from a pool of ours: int8 as `bigint`, numeric as its exact text, timestamptz as `Date`,
 * timestamp as a `Date` in UTC, date as text, bytea as `Buffer`. Given per pool: the global table of `pg` is not touched.
 */
export const wireTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    const own = format === 'binary' ? undefined : parsers.get(oid);
    return own ?? pg.types.getTypeParser(oid, format ?? 'text');
  },
};

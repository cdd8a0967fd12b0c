import { type Session, textLiteral } from '@tidemark/duckdb';
import { IngestError } from '../error.ts';

const TIME = String.raw`(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?`;
const HALF = '(?: ?([AaPp])[Mm])?';
const ZONE = String.raw`(?: ?([Zz]|[+-]\d{2}(?::?\d{2})?))?`;

/** ISO 8601 and RFC 3339, with a zone or without; the year first is never ambiguous. */
const YEAR_FIRST = String.raw`(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})${TIME}${ZONE}`;
/** Day and month in an order that the whole column must tell. */
const YEAR_LAST = String.raw`(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})${TIME}${HALF}`;

const YEAR_FIRST_PARTS = "['y', 'm', 'd', 'h', 'mi', 's', 'f', 'z']";
const YEAR_LAST_PARTS = "['a', 'b', 'y', 'h', 'mi', 's', 'f', 'p']";

export type DateOptions = {
  /** IANA zone of times that name none. */
  readonly timezone: string;
  /** strptime format of what is not ISO; null: found from the column. */
  readonly format: string | null;
};

/** Throws `TIDEMARK_INGEST_TIMEZONE` for a zone that DuckDB's tables don't have. */
export async function checkTimezone(session: Session, timezone: string): Promise<void> {
  const sql = `SELECT count(*) FROM pg_timezone_names() WHERE name = ${textLiteral(timezone)}`;
  const [[count] = []] = (await session.connection.runAndReadAll(sql)).getRows();
  if (count === 1n) return;
  throw new IngestError(
    'TIDEMARK_INGEST_TIMEZONE',
    `--timezone ${timezone} is not known: use an IANA name such as Europe/Berlin, or UTC.`,
  );
}

/**
 * Reads the distinct texts of a column as times: makes the table `into` of `value` and `ms` (UTC milliseconds, NULL for
 * what is no date). `12/1/2010` is read as the whole column tells: day first if some value has a first part above 12,
 * month first if some has a second one. Throws `TIDEMARK_INGEST_AMBIGUOUS_DATE` when nothing tells, or both.
 *
 * A local time that a change of clocks leaves out is read with the offset before the change (an hour later on the new
 * clock); one that comes twice is its second coming. That is what ICU does.
 */
export async function readDates(
  session: Session,
  options: DateOptions & {
    readonly from: string;
    readonly column: string;
    readonly field: string;
    readonly into: string;
  },
): Promise<void> {
  const { connection } = session;
  const { from, column, field, into, format } = options;
  const source = `${into}_source`;
  await connection.run(
    `CREATE TABLE ${source} AS
     SELECT value, line, regexp_full_match(value, '${YEAR_FIRST}') AS year_first,
       ${format === null ? `regexp_full_match(value, '${YEAR_LAST}')` : 'false'} AS year_last,
       regexp_extract(value, '^${YEAR_FIRST}$', ${YEAR_FIRST_PARTS}) AS iso,
       regexp_extract(value, '^${YEAR_LAST}$', ${YEAR_LAST_PARTS}) AS parts
     FROM (SELECT ${column} AS value, min(line) AS line FROM ${from} WHERE ${column} IS NOT NULL GROUP BY value)`,
  );
  const dayFirst = await isDayFirst(session, source, field);
  const [day, month] = dayFirst ? ['a', 'b'] : ['b', 'a'];
  const other = format === null ? 'NULL' : formatted(format, options.timezone);
  await connection.run(
    `CREATE TABLE ${into} AS SELECT value, epoch_ms(CASE
       WHEN year_first AND iso.z = '' THEN timezone(${textLiteral(options.timezone)}, ${localTime('iso', 'm', 'd', HOUR_24)})
       WHEN year_first THEN ${zonedTime}
       WHEN year_last THEN timezone(${textLiteral(options.timezone)}, ${localTime('parts', month, day, HOUR_12)})
       ELSE ${other} END) AS ms
     FROM ${source}`,
  );
  await connection.run(`DROP TABLE ${source}`);
}

/**
 * SQL of whether a text is `2010-12-01T08:26:05Z` to the letter: it is read as the time that is written so, in whatever way
 * its column is read.
 */
export const isInstantSql = (column: string): string =>
  `strlen(${column}) = 20 AND strftime(${secondSql(column)}, '%Y-%m-%dT%H:%M:%SZ') = ${column}`;

/** SQL of the UTC milliseconds of such a text. */
export const instantMsSql = (column: string): string => `epoch_ms(${secondSql(column)})`;

const secondSql = (column: string): string => `TRY_CAST(${column} AS TIMESTAMP)`;

/** SQL of an hour with two digits, '24' and up where there is none such: it is not taken for the next day's first. */
const HOUR_24 = (of: string): string =>
  `CASE WHEN ${of}.h = '' THEN '00' WHEN TRY_CAST(${of}.h AS INT) > 23 THEN '99' ELSE lpad(${of}.h, 2, '0') END`;

/** The same where AM or PM may follow: then the hour is 1 to 12. */
const HOUR_12 = (of: string): string => `CASE WHEN ${of}.p = '' THEN ${HOUR_24(of)}
  WHEN ${of}.h = '' OR TRY_CAST(${of}.h AS INT) NOT BETWEEN 1 AND 12 THEN '99'
  ELSE lpad((TRY_CAST(${of}.h AS INT) % 12 + CASE WHEN lower(${of}.p) = 'p' THEN 12 ELSE 0 END)::VARCHAR, 2, '0') END`;

/** Text that casts to a timestamp, or fails to when the date is impossible. */
const isoText = (of: string, month: string, day: string, hour: (of: string) => string): string =>
  `concat(${of}.y, '-', lpad(${of}.${month}, 2, '0'), '-', lpad(${of}.${day}, 2, '0'), ' ', ${hour(of)}, ':',
    CASE WHEN ${of}.mi = '' THEN '00' ELSE ${of}.mi END, ':', CASE WHEN ${of}.s = '' THEN '00' ELSE ${of}.s END,
    CASE WHEN ${of}.f = '' THEN '' ELSE '.' || left(${of}.f, 6) END)`;

const localTime = (of: string, month: string, day: string, hour: (of: string) => string): string =>
  `TRY_CAST(${isoText(of, month, day, hour)} AS TIMESTAMP)`;

const zonedTime = `TRY_CAST(${isoText('iso', 'm', 'd', HOUR_24)} || CASE
    WHEN lower(iso.z) = 'z' THEN '+00:00'
    WHEN length(iso.z) = 3 THEN iso.z || ':00'
    WHEN length(iso.z) = 5 THEN left(iso.z, 3) || ':' || right(iso.z, 2)
    ELSE iso.z END AS TIMESTAMPTZ)`;

/** A format with a zone in it gives an instant, any other a local time. */
function formatted(format: string, timezone: string): string {
  const parsed = `try_strptime(value, ${textLiteral(format)})`;
  return /%[zZ]/.test(format) ? parsed : `timezone(${textLiteral(timezone)}, ${parsed})`;
}

async function isDayFirst(session: Session, source: string, field: string): Promise<boolean> {
  const facts = await session.connection.runAndReadAll(
    `SELECT min(line) FILTER (a > 12 AND b <= 12), arg_min(value, line) FILTER (a > 12 AND b <= 12),
       min(line) FILTER (b > 12 AND a <= 12), arg_min(value, line) FILTER (b > 12 AND a <= 12),
       min(line) FILTER (a <> b), arg_min(value, line) FILTER (a <> b)
     FROM (SELECT line, value, TRY_CAST(parts.a AS INT) AS a, TRY_CAST(parts.b AS INT) AS b FROM ${source} WHERE year_last)`,
  );
  const [[dayLine, dayValue, monthLine, monthValue, line, value] = []] = facts.getRows();
  const sayFormat = "Say which it is, for example --date-format '%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M'.";
  if (typeof dayLine === 'bigint' && typeof monthLine === 'bigint') {
    throw ambiguous(
      `${field} has the day first in line ${dayLine} (${dayValue}) and second in line ${monthLine} (${monthValue}). ${sayFormat}`,
    );
  }
  if (typeof line === 'bigint' && typeof dayLine !== 'bigint' && typeof monthLine !== 'bigint') {
    throw ambiguous(
      `${field} may be read in two ways: line ${line} has ${value}, and no value of the column tells day from month. ${sayFormat}`,
    );
  }
  return typeof dayLine === 'bigint';
}

const ambiguous = (message: string): IngestError => new IngestError('TIDEMARK_INGEST_AMBIGUOUS_DATE', message);

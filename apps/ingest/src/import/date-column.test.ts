import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session, textLiteral } from '@tidemark/duckdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTimezone, readDates } from './date-column.ts';

let session: Session;
let tables = 0;

beforeAll(async () => {
  session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: join(tmpdir(), 'tidemark-dates') });
});
afterAll(() => session.close());

/** The column's values as UTC times, null where there is none. */
async function read(
  values: readonly string[],
  options: { timezone?: string; format?: string } = {},
): Promise<(string | null)[]> {
  const [from, into] = [`from_${++tables}`, `into_${tables}`];
  const rows = values.map((value, index) => `(${index + 2}::BIGINT, ${textLiteral(value)})`);
  await session.connection.run(`CREATE TABLE ${from} AS SELECT * FROM (VALUES ${rows.join(', ')}) AS t(line, day)`);
  const { timezone = 'UTC', format = null } = options;
  await readDates(session, { timezone, format, from, column: 'day', field: 'order_date', into });
  const sql = `SELECT ms FROM ${from} JOIN ${into} ON value = day ORDER BY line`;
  const found = (await session.connection.runAndReadAll(sql)).getRows();
  return found.map(([ms]) => (ms === null ? null : new Date(Number(ms)).toISOString().replace('.000Z', 'Z')));
}

describe('dates', () => {
  it.each([
    ['2010-12-01', '2010-12-01T00:00:00Z'],
    ['2010-12-01 08:26', '2010-12-01T08:26:00Z'],
    ['2010-12-01T08:26:05.123456789', '2010-12-01T08:26:05.123Z'],
    ['2010-12-01T08:26:05Z', '2010-12-01T08:26:05Z'],
    ['2010-12-01T08:26:05+02:00', '2010-12-01T06:26:05Z'],
    ['2010-12-01 08:26:05 -0530', '2010-12-01T13:56:05Z'],
    ['2010-12-01 08:26+02', '2010-12-01T06:26:00Z'],
    ['2010/2/1 8:05', '2010-02-01T08:05:00Z'],
    ['12/31/2010 12:05 AM', '2010-12-31T00:05:00Z'],
    ['12/31/2010 1:05pm', '2010-12-31T13:05:00Z'],
    ['31.12.2010', '2010-12-31T00:00:00Z'],
  ])('%s is %s', async (text, time) => {
    expect(await read([text])).toEqual([time]);
  });

  it.each([
    '2010-02-30',
    '2010-13-01',
    '2010-01-01 24:00',
    '2010-01-01 10:60',
    'tomorrow',
    '',
    '20101201',
    '1291191960',
    '12/31/2010 13:00 PM',
    '31/31/2010',
    '31/12/10',
  ])('%s is none', async (text) => {
    expect(await read([text])).toEqual([null]);
  });

  it('are read as the whole column tells, wherever in it the telling value is', async () => {
    expect(await read(['12/1/2010 8:26', '1/2/2011', '12/13/2010'])).toEqual([
      '2010-12-01T08:26:00Z',
      '2011-01-02T00:00:00Z',
      '2010-12-13T00:00:00Z',
    ]);
    expect(await read(['13/12/2010', '1/2/2011', '2011-05-06'])).toEqual([
      '2010-12-13T00:00:00Z',
      '2011-02-01T00:00:00Z',
      '2011-05-06T00:00:00Z',
    ]);
    expect(await read(['1/1/2011', '2/2/2011'])).toEqual(['2011-01-01T00:00:00Z', '2011-02-02T00:00:00Z']);
  });

  it('that may be read in two ways are an error that asks for a format', async () => {
    await expect(read(['5/5/2010', '1/2/2010'])).rejects.toThrow(/line 3 has 1\/2\/2010.*--date-format/);
    await expect(read(['13/1/2010', '1/13/2010'])).rejects.toThrow(/line 2.*line 3.*--date-format/);
    expect(await read(['1/2/2010', '2010-03-04', 'x'], { format: '%d/%m/%Y' })).toEqual([
      '2010-02-01T00:00:00Z',
      '2010-03-04T00:00:00Z',
      null,
    ]);
    expect(await read(['1.2.10 05:00 +0200'], { format: '%d.%m.%y %H:%M %z' })).toEqual(['2010-02-01T03:00:00Z']);
  });

  it('without a zone are of the time zone, also where its clocks change', async () => {
    const values = [
      '2024-01-01 12:00',
      '2024-07-01 12:00',
      '2024-03-31 02:30',
      '2024-10-27 02:30',
      '2024-07-01 12:00Z',
    ];
    expect(await read(values, { timezone: 'Europe/Berlin' })).toEqual([
      '2024-01-01T11:00:00Z',
      '2024-07-01T10:00:00Z',
      '2024-03-31T01:30:00Z',
      '2024-10-27T01:30:00Z',
      '2024-07-01T12:00:00Z',
    ]);
  });

  it('of an unknown zone are an error', async () => {
    await checkTimezone(session, 'Europe/Berlin');
    await expect(checkTimezone(session, 'Berlin')).rejects.toMatchObject({ code: 'TIDEMARK_INGEST_TIMEZONE' });
  });
});

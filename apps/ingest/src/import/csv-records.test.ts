import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CsvRecord, CsvRecords, type MalformedLine } from './csv-records.ts';
import { readLines } from './lines.ts';

async function read(content: Buffer, delimiter = ',', chunkBytes = 1 << 20) {
  const records: CsvRecord[] = [];
  const malformed: MalformedLine[] = [];
  const csv = new CsvRecords({
    delimiter,
    onRecord: (record) => records.push(record),
    onMalformed: (line) => malformed.push(line),
  });
  const chunks = async function* () {
    for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
  };
  await readLines('a.csv', chunks(), (line) => csv.take(line));
  csv.end();
  return { records, malformed };
}

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;

describe('records', () => {
  it('come back as they were written, in chunks of any size', async () => {
    const field = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'ü', '🌊', ',', '"', '\n', ' ') }), fc.string());
    const clean = field.map((text) => text.replaceAll('\r', '').replaceAll('\ufeff', ''));
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(clean, { minLength: width, maxLength: width }), { minLength: 1 }));
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('\n', '\r\n'),
        async (rows, chunkBytes, end) => {
          const text = rows.map((row) => row.map(quoted).join(',') + end).join('');
          const { records, malformed } = await read(Buffer.from(text), ',', chunkBytes);
          expect(malformed).toEqual([]);
          expect(records.map(({ fields }) => fields)).toEqual(rows);
        },
      ),
      { seed: Number(process.env.TIDEMARK_SEED ?? Date.now() % 1e9) },
    );
  });

  it('lose one line to a stray quote, not what follows', async () => {
    const { records, malformed } = await read(Buffer.from('a,b\n1,"x\n2,y\n3,"z"\n4,5" pipe\n5,"p"q\n6,"r"\n'));
    expect(malformed.map(({ line }) => line)).toEqual([2, 6]);
    expect(records.map(({ line, fields }) => [line, ...fields])).toEqual([
      [1, 'a', 'b'],
      [3, '2', 'y'],
      [4, '3', 'z'],
      [5, '4', '5" pipe'],
      [7, '6', 'r'],
    ]);
  });

  it('know their first line behind fields of several lines and blank lines', async () => {
    const { records } = await read(Buffer.from('a,b\n\n1,"x\ny"\n\n2,z'));
    expect(records.map(({ line, fields }) => [line, ...fields])).toEqual([
      [1, 'a', 'b'],
      [3, '1', 'x\ny'],
      [6, '2', 'z'],
    ]);
  });

  it('of another encoding are an error', async () => {
    await expect(read(Buffer.from('\ufeffa,b', 'utf16le'))).rejects.toMatchObject({ code: 'TIDEMARK_INGEST_FILE' });
  });
});

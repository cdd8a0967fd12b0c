import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@tidemark/contracts';
import { openSession, type Session } from '@tidemark/duckdb';
import { define } from '@tidemark/metrics';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lake, type LakeStorage, type LandedRange } from './index.ts';
import { openLocalStorage } from './local/index.ts';

const definition = define('USD');
const text = new TextEncoder();
const orderPlaced = (id: string, amount = '10.00') =>
  text.encode(
    JSON.stringify({
      event_id: id,
      event_type: 'order_placed',
      customer_id: 'c-1',
      occurred_at: '2026-01-02T03:04:05Z',
      order_id: `o-${id}`,
      total_amount: amount,
    }),
  );

let folder: string;
let session: Session;
let storage: LakeStorage;
let lake: Lake;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-lake-'));
  session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: join(folder, 'spill') });
  storage = await openLocalStorage(join(folder, 'lake'));
  lake = new Lake(storage, session);
});

afterEach(async () => {
  session.close();
  await rm(folder, { recursive: true });
});

/** Lands records at offsets `start`… of partition 0 in epoch 0, ended by barrier 1. */
async function land(values: readonly Uint8Array[], start = 0n, into: Lake = lake): Promise<LandedRange> {
  const events = await into.eventWriter();
  const rows = await into.rowWriter(definition);
  values.forEach((value, index) => {
    const place = { epoch: 0, partition: 0, offset: start + BigInt(index) };
    const parsed = parse(value, { currency: 'USD' });
    events.append({ place, key: null, value, timestampMs: 5, parsed });
    if (parsed.ok) rows.append(place, parsed.event);
  });
  const barrier = start + BigInt(values.length);
  const range: LandedRange = {
    partition: 0,
    start,
    head: { end: barrier + 1n, epoch: 1, previousEpoch: 0, last: { offset: barrier, fingerprint: 'f' }, logId: 'log' },
    barriers: [{ generation: 1, atMs: 7, offset: barrier }],
    file: await events.finish(),
    counts: { records: values.length },
  };
  await into.commitRange(definition, range, await rows.finish());
  return range;
}

async function flipByte(location: string): Promise<void> {
  const bytes = await readFile(location);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(location, bytes);
}

const rawOf = async (unit: LandedRange) => {
  const found: string[] = [];
  for await (const { value } of lake.records(unit)) found.push(new TextDecoder().decode(value));
  return found;
};

describe('landing', () => {
  it('gives every record back byte for byte, malformed ones too', async () => {
    const bytes = [orderPlaced('1'), text.encode('not json'), new Uint8Array([0xff, 0x00, 0x27])];
    const range = await land(bytes);
    const found: Uint8Array[] = [];
    for await (const { value } of lake.records(range)) found.push(new Uint8Array(value));
    expect(found).toEqual(bytes.map((value) => new Uint8Array(value)));
  });

  it('knows how far each partition has been landed, also after a restart', async () => {
    const range = await land([orderPlaced('1')]);
    const reopened = new Lake(await openLocalStorage(join(folder, 'lake')), session);
    expect(await reopened.heads()).toEqual(new Map([[0, range.head]]));
    expect(await reopened.highestGeneration()).toBe(1);
  });

  it('lets one of two landers of the same range win', async () => {
    await land([orderPlaced('1')]);
    await expect(land([orderPlaced('2')])).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_RACE', retryable: true });
    const [range] = await lake.ranges();
    expect(range && (await rawOf(range))).toEqual([new TextDecoder().decode(orderPlaced('1'))]);
  });

  it('refuses an entry of the manifest with a flipped digit', async () => {
    await land([orderPlaced('1')]);
    const [path = ''] = await storage.list('manifest/events');
    const entry = await readFile(storage.locate(path), 'utf8');
    await writeFile(storage.locate(path), entry.replace('"atMs": 7', '"atMs": 6'));
    const message = expect.stringContaining(path);
    await expect(new Lake(storage, session).ranges()).rejects.toMatchObject({
      code: 'TIDEMARK_LAKE_MANIFEST',
      message,
    });
    // Entries of before have no hash.
    await writeFile(storage.locate(path), JSON.stringify({ ...JSON.parse(entry), sha256: undefined }));
    expect(await new Lake(storage, session).ranges()).toHaveLength(1);
  });

  it('refuses a manifest with a hole', async () => {
    await land([orderPlaced('1')]);
    await land([orderPlaced('2')], 5n);
    await expect(lake.heads()).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_MANIFEST' });
  });
});

describe('rows of a cut', () => {
  const cut = { partitions: new Map([[0, 100n]]), imports: 0 };

  it('holds the covered rows only', async () => {
    await land([orderPlaced('1')]);
    await land([orderPlaced('2')], 2n);
    const files = await lake.rowFiles(definition, { partitions: new Map([[0, 1n]]), imports: 0 });
    expect(files.get('orders')?.map(({ rows }) => rows)).toEqual([1]);
  });

  it('are expanded again from the raw events for another source definition', async () => {
    await land([orderPlaced('1'), text.encode('{}'), orderPlaced('2')]);
    const other = { ...definition, sourcesId: '0123456789abcdef' };
    const [file] = (await lake.rowFiles(other, cut)).get('orders') ?? [];
    const read = `SELECT "key", kind, position, total_amount FROM read_parquet('${file?.location}') ORDER BY position`;
    expect((await session.connection.runAndReadAll(read)).getRows()).toEqual([
      ['o-1', 'placed', 0n, 1000n],
      ['o-2', 'placed', 2n, 1000n],
    ]);
  });

  it('are expanded again from the raw events when one byte of theirs is flipped', async () => {
    await land([orderPlaced('1')]);
    const [file] = (await lake.rowFiles(definition, cut)).get('orders') ?? [];
    await flipByte(file?.location ?? '');
    const told: string[] = [];
    const [again] = (await lake.rowFiles(definition, cut, ({ message }) => told.push(message))).get('orders') ?? [];
    expect(told).toEqual([expect.stringContaining(file?.location.slice(-20) ?? '?')]);
    const keys = `SELECT "key" FROM read_parquet('${again?.location}')`;
    expect((await session.connection.runAndReadAll(keys)).getRows()).toEqual([['o-1']]);
    await lake.rowFiles(definition, cut, () => expect.unreachable('it was put right'));
  });

  it('are not expanded from a raw file with one flipped byte', async () => {
    const range = await land([orderPlaced('1')]);
    const files = await lake.rowFiles(definition, cut);
    await flipByte(files.get('orders')?.[0]?.location ?? '');
    await flipByte(storage.locate(range.file?.path ?? ''));
    await expect(lake.rowFiles(definition, cut)).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_DAMAGED' });
    await expect(rawOf(range)).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_DAMAGED' });
  });

  it('names a file that is gone', async () => {
    const range = await land([orderPlaced('1')]);
    await storage.remove(range.file?.path ?? '');
    await expect(rawOf(range)).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_MISSING' });
  });
});

describe('an import', () => {
  const entry = { number: 1, source: 'orders', name: 'a.csv', inputSha256: 'ab', importedAtMs: 5, counts: {} };

  it('gives back the lines it turned away, as they were', async () => {
    const writer = await lake.quarantineWriter();
    const late = { line: 9, code: 'invalid_time', reason: 'no date', raw: new Uint8Array([0xff, 0x00]) };
    const early = { line: 2, code: 'missing_field', reason: 'no customer', raw: text.encode('1,,2') };
    for (const line of [late, early]) writer.append(line);
    const quarantine = await writer.finish();
    if (!quarantine) throw new Error('nothing was written');
    await lake.commitImport(definition, { ...entry, file: null, quarantine }, { files: {} });
    const [landed] = await lake.imports();
    const found = [];
    for await (const line of landed ? lake.quarantined(landed) : []) found.push({ ...line, raw: [...line.raw] });
    expect(found).toEqual([early, late].map((line) => ({ ...line, raw: [...line.raw] })));
  });

  it('leaves out what was taken back before it was filed', async () => {
    const events = await lake.eventWriter();
    const rows = await lake.rowWriter(definition);
    ['1', '2', '3'].forEach((id, row) => {
      const value = orderPlaced(id);
      const parsed = parse(value, { currency: 'USD' });
      events.append({ place: { row }, key: null, value, timestampMs: null, parsed });
      if (parsed.ok) rows.append({ row }, parsed.event);
    });
    for (const writer of [rows, events])
      await writer.drop(`SELECT position FROM ${events.relation} WHERE event_id = '2'`);
    await lake.commitImport(definition, { ...entry, file: await events.finish() }, await rows.finish());
    const files = await lake.rowFiles(definition, { partitions: new Map(), imports: 1 });
    expect(files.get('orders')?.map(({ rows: count }) => count)).toEqual([2]);
    const [landed] = await lake.imports();
    const found: unknown[] = [];
    for await (const { place } of landed ? lake.records(landed) : []) found.push(place);
    expect(found).toEqual([{ row: 0 }, { row: 2 }]);
  });

  it('holds what a query gives beside what was appended, in order, and takes both back', async () => {
    const events = await lake.eventWriter();
    const rows = await lake.rowWriter(definition);
    ['1', '2', '3'].forEach((id, row) => {
      const value = orderPlaced(id);
      const parsed = parse(value, { currency: 'USD' });
      events.append({ place: { row: row * 2 }, key: null, value, timestampMs: null, parsed });
      if (parsed.ok) rows.append({ row: row * 2 }, parsed.event);
    });
    const shift = (to: string, relation: string | undefined) =>
      session.connection.run(`CREATE TABLE ${to} AS SELECT * REPLACE (position + 1 AS position) FROM ${relation}`);
    await shift('other_events', events.relation);
    await shift('other_rows', rows.relations.get('orders'));
    events.appendQuery('FROM other_events');
    rows.appendQuery('orders', 'FROM other_rows');
    for (const writer of [rows, events]) await writer.drop('SELECT unnest([0, 3, 7])');
    await lake.commitImport(definition, { ...entry, file: await events.finish() }, await rows.finish());
    const [landed] = await lake.imports();
    expect(landed?.file?.rows).toBe(4);
    const found: unknown[] = [];
    for await (const { place } of landed ? lake.records(landed) : []) found.push(place);
    expect(found).toEqual([{ row: 1 }, { row: 2 }, { row: 4 }, { row: 5 }]);
    const files = await lake.rowFiles(definition, { partitions: new Map(), imports: 1 });
    expect(files.get('orders')?.map(({ rows: count }) => count)).toEqual([4]);
  });
});

describe('merging the files of rows', () => {
  const everything = { partitions: new Map([[0, 100n]]), imports: 0 };
  const positions = async (cut = everything) => {
    const files = (await lake.rowFiles(definition, cut)).get('orders') ?? [];
    if (files.length === 0) return [];
    const list = files.map(({ location }) => `'${location}'`).join(', ');
    const read = `SELECT position FROM read_parquet([${list}]) ORDER BY position`;
    return (await session.connection.runAndReadAll(read)).getRows().map(([position]) => position);
  };

  it('leaves fewer files with the same rows, again and again', async () => {
    for (let start = 0; start < 6; start += 2) await land([orderPlaced(`${start}`)], BigInt(start));
    expect(await lake.mergeRows(definition, everything, 4)).toBe(0);
    expect(await lake.mergeRows(definition, everything, 3)).toBe(3);
    expect(await positions()).toEqual([0n, 2n, 4n]);
    expect(await storage.list(`rows/${definition.sourcesId}/orders`)).toHaveLength(1);
    for (let start = 6; start < 12; start += 2) await land([orderPlaced(`${start}`)], BigInt(start));
    expect(await positions()).toEqual([0n, 2n, 4n, 6n, 8n, 10n]);
    expect(await lake.mergeRows(definition, everything, 3)).toBe(3);
    expect(await positions()).toEqual([0n, 2n, 4n, 6n, 8n, 10n]);
    expect(await storage.list(`rows/${definition.sourcesId}/orders`)).toHaveLength(2);
  });

  it('leaves few segments, however many were made', async () => {
    for (let n = 0; n < 20; n++) {
      await land([orderPlaced(`${n}`)], BigInt(2 * n));
      await lake.mergeRows(definition, everything, 1);
    }
    expect(await positions()).toEqual(Array.from({ length: 20 }, (_, n) => BigInt(2 * n)));
    // Twenty are two of eight and four.
    expect(await storage.list(`manifest/segments/${definition.sourcesId}`)).toHaveLength(6);
    expect(await storage.list(`rows/${definition.sourcesId}/orders`)).toHaveLength(6);
  });

  it('reads no row twice when it died before it had removed what it merged', async () => {
    const dying = { ...storage, remove: async () => Promise.reject(new Error('killed')) };
    for (let n = 0; n < 8; n++) {
      await land([orderPlaced(`${n}`)], BigInt(2 * n));
      const merger = n === 7 || n === 3 ? new Lake(dying, session) : lake;
      await merger.mergeRows(definition, everything, 1).catch(() => {});
    }
    // The eighth segment died too before the eight could be merged; merge them, and die once more.
    await land([orderPlaced('8')], 16n);
    await new Lake(dying, session).mergeRows(definition, everything, 1).catch(() => {});
    lake = new Lake(storage, session);
    const all = Array.from({ length: 9 }, (_, n) => BigInt(2 * n));
    expect(await positions()).toEqual(all);
    await land([orderPlaced('9')], 18n);
    await lake.mergeRows(definition, everything, 1);
    expect(await positions()).toEqual([...all, 18n]);
    // Of what was merged, nothing is left.
    expect(await storage.list('rows')).toHaveLength((await storage.list('manifest/segments')).length);
    expect(await storage.list('manifest/rows')).toEqual([]);
  });

  it.each(['rows/', 'manifest/rows'])(
    'leaves nothing that was merged, though it died before it removed %s',
    async (what) => {
      const remove = async (path: string) => {
        if (path.startsWith(what)) throw new Error('killed');
        await storage.remove(path);
      };
      await land([orderPlaced('1')], 0n);
      await expect(new Lake({ ...storage, remove }, session).mergeRows(definition, everything, 1)).rejects.toThrow(
        'killed',
      );
      expect(await lake.mergeRows(definition, everything, 1)).toBe(0);
      expect(await storage.list('rows')).toHaveLength(1);
      expect(await storage.list('manifest/rows')).toEqual([]);
      expect(await positions()).toEqual([0n]);
    },
  );

  it('never shows a cut rows from behind it, even those that were merged', async () => {
    for (let start = 0; start < 6; start += 2) await land([orderPlaced(`${start}`)], BigInt(start));
    await lake.mergeRows(definition, everything, 1);
    expect(await positions({ partitions: new Map([[0, 3n]]), imports: 0 })).toEqual([0n, 2n]);
  });

  it('expands the rows of damaged segments again, and of those after them', async () => {
    for (let start = 0; start < 6; start += 2) {
      await land([orderPlaced(`${start}`)], BigInt(start));
      await lake.mergeRows(definition, everything, 1);
    }
    const [first] = (await lake.rowFiles(definition, everything)).get('orders') ?? [];
    await flipByte(first?.location ?? '');
    expect(await positions({ partitions: new Map([[0, 1n]]), imports: 0 })).toEqual([0n]);
    expect(await positions()).toEqual([0n, 2n, 4n]);
  });

  it('refuses to merge a file that is not the one that was written', async () => {
    await land([orderPlaced('1')]);
    const [file] = (await lake.rowFiles(definition, everything)).get('orders') ?? [];
    await writeFile(file?.location ?? '', 'other');
    await expect(lake.mergeRows(definition, everything, 1)).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_DAMAGED' });
  });
});

describe('snapshots', () => {
  const put = async (generation: number, content: string) => {
    const local = join(lake.scratchFolder, content);
    await writeFile(local, content);
    return lake.putSnapshot('feed', generation, local, 1);
  };
  const contentOf = async (file: { readonly path: string; readonly sha256: string }) =>
    readFile(await lake.openSnapshot(file), 'utf8');

  it('of one generation stand side by side, so that none changes under who reads it', async () => {
    const files = [await put(7, 'made first'), await put(7, 'made anew')];
    expect(await Promise.all(files.map(contentOf))).toEqual(['made first', 'made anew']);
  });

  it('are removed by generation, all of it, and of one definition alone', async () => {
    const [first, again, later] = [await put(9, 'first'), await put(9, 'again'), await put(10, 'later')];
    await lake.removeSnapshots('beef', 100);
    await lake.removeSnapshots('feed', 9);
    expect(await Promise.all([first, again, later].map(contentOf))).toEqual(['first', 'again', 'later']);
    await lake.removeSnapshots('feed', 10);
    for (const file of [first, again])
      await expect(lake.openSnapshot(file)).rejects.toMatchObject({ code: 'TIDEMARK_LAKE_MISSING' });
    expect(await contentOf(later)).toBe('later');
  });
});

it('removes the rows of other sources, and expands them again from the raw events when they are asked for', async () => {
  const cut = { partitions: new Map([[0, 100n]]), imports: 0 };
  const other = define('EUR');
  const range = await land([orderPlaced('1'), text.encode('not json')]);
  await land([orderPlaced('2')], 3n);
  const rowsOf = async (of: typeof definition) =>
    (await lake.rowFiles(of, cut)).get('orders')?.reduce((sum, { rows }) => sum + rows, 0);
  expect([await rowsOf(definition), await rowsOf(other)]).toEqual([2, 2]);
  expect(await lake.mergeRows(other, cut, 1)).toBe(2);
  const own = async () => [
    ...(await storage.list(`rows/${definition.sourcesId}`)),
    ...(await storage.list(`manifest/rows/${definition.sourcesId}`)),
  ];
  const before = await own();

  expect(await lake.removeOtherRows(definition)).toBe(1);
  for (const kind of ['rows', 'manifest/rows', 'manifest/segments'])
    expect(await storage.list(`${kind}/${other.sourcesId}`), kind).toEqual([]);
  expect(await own()).toEqual(before);
  expect(await rawOf(range)).toHaveLength(2);
  expect([await rowsOf(definition), await rowsOf(other)]).toEqual([2, 2]);
});

describe('storage', () => {
  it('puts only if absent', async () => {
    const tries = await Promise.all([1, 2, 3, 4].map((value) => storage.putIfAbsent('a/b.json', Uint8Array.of(value))));
    expect(tries.filter(Boolean)).toHaveLength(1);
    expect(await storage.list('a')).toEqual(['a/b.json']);
  });

  it('leaves nothing behind in its scratch folder', async () => {
    await land([orderPlaced('1')]);
    expect(await storage.list('scratch')).toEqual([]);
  });
});

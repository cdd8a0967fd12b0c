import { execFileSync } from 'node:child_process';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CatalogError } from '@tidemark/catalog';
import { type FreshDatabase, freshDatabase } from '@tidemark/embedded-postgres/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MappingFile } from '../index.ts';
import { ImportWorld } from '../testing/import-world.ts';
import { makeRetail } from '../testing/retail.ts';

let database: FreshDatabase;
let world: ImportWorld;

beforeEach(async () => {
  database = await freshDatabase();
  world = await ImportWorld.open(database.url);
});
afterEach(async () => {
  await world.close();
  await database.drop();
});

const RETAIL: MappingFile = {
  source: 'orders',
  group_by: 'order_id',
  timezone: 'UTC',
  map: {
    order_id: 'Receipt',
    total_amount: 'abs(Pieces)*Price',
    status: "CASE WHEN Receipt LIKE 'X%' THEN 'cancelled' ELSE 'completed' END",
    order_date: 'Day',
    customer_id: 'Client',
  },
};

const PLAIN: MappingFile = {
  source: 'orders',
  map: { order_id: 'id', customer_id: 'who', total_amount: 'amount', order_date: 'day' },
};
const plainCsv = (...rows: readonly string[]) => ['id,who,amount,day', ...rows, ''].join('\n');

describe('order lines of a shop', () => {
  it('become orders of exact cents, and every line is accounted for', async () => {
    const lines = 20_000;
    const seed = Number(process.env.TIDEMARK_SEED ?? 3);
    const retail = makeRetail(lines, seed);
    const summary = await world.import(await world.write('lines.csv', retail.csv), RETAIL);

    expect(summary).toMatchObject({
      read: lines,
      imported: retail.orders.size,
      repeated: 0,
      replaced: 0,
      quarantined: { missing_field: { rows: retail.withoutCustomer.orders, lines: retail.withoutCustomer.lines } },
    });
    const found = (await world.events()).map((event) => [
      event.order_id,
      {
        customer: event.customer_id,
        cents: BigInt(String(event.total_amount).replace('.', '')),
        date: event.order_date,
        cancelled: event.status === 'cancelled',
      },
    ]);
    expect(new Map(found as [string, unknown][])).toEqual(retail.orders);
    const quarantined = await world.quarantined();
    const physical = retail.csv.split('\n');
    expect(quarantined).toHaveLength(retail.withoutCustomer.lines);
    for (const { line, raw } of quarantined) expect(raw).toBe(physical[line - 1]);
  });

  it('twice are the same as once, gzipped or not', async () => {
    const { csv } = makeRetail(500, 1);
    const first = await world.import(await world.write('a.csv', csv), RETAIL);
    const before = await world.events();
    const second = await world.import(await world.write('b.csv.gz', gzipSync(csv)), RETAIL);
    expect(second).toMatchObject({ import: null, imported: 0, repeated: first.imported, sha256: first.sha256 });
    expect(await world.events()).toEqual(before);
    expect((await world.catalog.imports()).map(({ number }) => number)).toEqual([1]);
  });

  it('that disagree in something that is not summed are quarantined with their order', async () => {
    const csv = plainCsv(
      '1,a,1,2020-01-01',
      '1,b,1,2020-01-01',
      '2,a,1,2020-01-01',
      '2,,1,2020-01-02',
      '3,a,1,2020-01-02',
      '3,a,x,2020-01-02',
      '4,c,1.005,2020-01-03',
      '4,c,1,2020-01-02',
    );
    const summary = await world.import(await world.write('a.csv', csv), { ...PLAIN, group_by: 'order_id' });
    expect(summary.quarantined).toEqual({
      lines_disagree: { rows: 2, lines: 4 },
      invalid_money: { rows: 1, lines: 2 },
    });
    expect(await world.events()).toMatchObject([
      { order_id: '4', total_amount: '2.01', order_date: '2020-01-02T00:00:00.000Z' },
    ]);
  });
});

describe('rows of a key', () => {
  const file = (name: string, ...rows: readonly string[]) => world.write(name, plainCsv(...rows));

  it('replace what an earlier import said, also when they return to what they were', async () => {
    await world.import(await file('1.csv', 'o1,a,10,2020-01-01', 'o2,a,5,2020-01-01'), PLAIN);
    const changed = await world.import(await file('2.csv', 'o1,a,20,2020-01-01', 'o2,a,5.00,2020-01-01'), PLAIN);
    expect(changed).toMatchObject({ imported: 0, replaced: 1, repeated: 1 });
    expect((await world.newestOrders()).get('a/o1')).toBe('2000');

    const returned = await world.import(await file('3.csv', 'o1,a,10,2020-01-01'), PLAIN);
    expect(returned).toMatchObject({ imported: 0, replaced: 1, repeated: 0 });
    expect(await world.newestOrders()).toEqual(
      new Map([
        ['a/o1', '1000'],
        ['a/o2', '500'],
      ]),
    );

    const again = await world.import(await file('4.csv', 'o1,a,10.0,2020-01-01T00:00:00Z'), PLAIN);
    expect(again).toMatchObject({ import: null, repeated: 1, replaced: 0 });
    const old = await world.import(await file('2b.csv', 'o1,a,20,2020-01-01', 'o2,a,5.00,2020-01-01'), PLAIN);
    expect(old).toMatchObject({ import: null, repeated: 2 });
  });

  it('count the last of a file, and repeats in it once', async () => {
    const summary = await world.import(
      await file('1.csv', 'o1,a,1,2020-01-01', 'o1,a,2,2020-01-01', 'o1,a,1,2020-01-01', 'o1,a,1,2020-01-01'),
      PLAIN,
    );
    expect(summary).toMatchObject({ rows: 4, imported: 1, replaced: 2, repeated: 1 });
    expect(await world.newestOrders()).toEqual(new Map([['a/o1', '100']]));
  });

  it('with ids of their own are known by these', async () => {
    const withIds: MappingFile = { source: 'orders', map: { ...PLAIN.map, event_id: 'eid' } };
    const csv = (...rows: readonly string[]) => ['id,who,amount,day,eid', ...rows, ''].join('\n');
    await world.import(await world.write('1.csv', csv('o1,a,1,2020-01-01,e1', 'o1,a,9,2020-01-01,e1')), withIds);
    const second = await world.import(
      await world.write('2.csv', csv('o1,a,7,2020-01-01,e1', 'o1,a,7,2020-01-01,e2')),
      withIds,
    );
    expect(second).toMatchObject({ imported: 0, repeated: 1, replaced: 1 });
    expect((await world.events()).map(({ event_id }) => event_id)).toEqual(['e1', 'e2']);
  });

  it('imported by two processes at once count once', async () => {
    const path = await file('1.csv', 'o1,a,10,2020-01-01');
    const [a, b] = await Promise.all([world.import(path, PLAIN), world.import(path, PLAIN)]);
    expect([a.imported + b.imported, a.repeated + b.repeated]).toEqual([1, 1]);
    expect(await world.lake.imports()).toHaveLength(1);
  });
});

describe('an import that finds the lock held', () => {
  it('waits for it, and gives up in the end', async () => {
    const path = await world.write('1.csv', plainCsv('o1,a,10,2020-01-01'));
    const heldFor = (tries: number) => {
      let left = tries;
      return {
        ...world.catalog,
        withImportLock: <T>(fn: () => Promise<T>): Promise<T> =>
          left-- > 0
            ? Promise.reject(new CatalogError('TIDEMARK_CATALOG_BUSY', 'held', { retryable: true }))
            : world.catalog.withImportLock(fn),
      };
    };
    await expect(world.import(path, PLAIN, { catalog: heldFor(1_000) })).rejects.toMatchObject({
      code: 'TIDEMARK_CATALOG_BUSY',
    });
    expect(await world.import(path, PLAIN, { catalog: heldFor(3) })).toMatchObject({ import: 1 });
  });
});

describe('an import that dies', () => {
  it('leaves nothing that can be seen, and may be run again', async () => {
    const path = await world.write('1.csv', plainCsv('o1,a,10,2020-01-01', 'o2,,10,2020-01-01'));
    for (const doomed of ['events/', 'rows/', 'quarantine/', 'manifest/imports/']) {
      const die = (at: string) => {
        if (at.startsWith(doomed)) throw new Error(`died at ${doomed}`);
      };
      const storage = {
        ...world.storage,
        put: async (at: string, local: string) => {
          die(at);
          await world.storage.put(at, local);
        },
        putIfAbsent: async (at: string, content: Uint8Array) => {
          die(at);
          return world.storage.putIfAbsent(at, content);
        },
      };
      await expect(world.import(path, PLAIN, { storage })).rejects.toThrow(`died at ${doomed}`);
      expect(await world.lake.imports()).toEqual([]);
      expect((await world.storage.list('scratch')).filter((name) => !name.includes('spill'))).toEqual([]);
    }
    expect(await world.import(path, PLAIN)).toMatchObject({ import: 1, imported: 1 });
  });

  it('leaves files that a later import clears away', async () => {
    const left = join(world.storage.scratchFolder, 'import-of-yesterday');
    await mkdir(left);
    await utimes(left, 0, 0);
    await mkdir(join(world.storage.scratchFolder, 'import-of-now'));
    await world.import(await world.write('1.csv', plainCsv('o1,a,10,2020-01-01')), PLAIN);
    expect(await readdir(world.storage.scratchFolder)).toEqual(['import-of-now']);
  });

  it('before the catalog heard of it is shown there by the next one', async () => {
    const path = await world.write('1.csv', plainCsv('o1,a,10,2020-01-01'));
    const deaf = { ...world.catalog, recordImport: () => Promise.reject(new Error('died')) };
    await expect(world.import(path, PLAIN, { catalog: deaf })).rejects.toThrow('died');
    expect(await world.catalog.imports()).toEqual([]);
    expect(await world.import(path, PLAIN)).toMatchObject({ import: null, repeated: 1 });
    expect(await world.catalog.imports()).toMatchObject([{ number: 1, file: '1.csv', source: 'orders' }]);
  });
});

describe('files', () => {
  it('say which lines are broken, and lose none', async () => {
    const csv = Buffer.concat([
      Buffer.from(
        '\ufeff"id",who,amount,day\r\no1,a,1,2020-01-01\r\n\r\no2,a,1\r\n"o3,a,1,2020-01-01\r\no4,a,1,2020-01-01\r\n',
      ),
      Buffer.from('o5,caf\xe9,1,2020-01-01\r\n', 'latin1'),
      Buffer.from('"o\n6",a,1,2020-01-01\r\n"o""7",a,1,2020-02-30'),
    ]);
    const summary = await world.import(await world.write('a.csv', csv), PLAIN);
    expect(summary).toMatchObject({ read: 7, rows: 7, imported: 2 });
    expect((await world.quarantined()).map(({ line, code, raw }) => [line, code, raw])).toEqual([
      [4, 'malformed_line', 'o2,a,1'],
      [5, 'malformed_line', '"o3,a,1,2020-01-01'],
      [7, 'invalid_utf8', 'o5,caf\xe9,1,2020-01-01'],
      [8, 'invalid_identifier', '"o\n6",a,1,2020-01-01'],
      [10, 'invalid_time', '"o""7",a,1,2020-02-30'],
    ]);
  });

  it.each(['tsv', 'ndjson', 'parquet'])('of %s give the same events as CSV', async (format) => {
    await world.import(
      await world.write('a.csv', plainCsv('017,a,1234567890123.45,2020-01-01 10:00', '018,a,0.10,2020-01-02 10:00')),
      PLAIN,
    );
    const contents: Record<string, string> = {
      tsv: 'id\twho\tamount\tday\n017\ta\t1234567890123.45\t2020-01-01 10:00\n018\ta\t0.10\t2020-01-02 10:00\n',
      ndjson:
        '{"id":"017","who":"a","amount":1234567890123.45000,"day":"2020-01-01 10:00"}\n{"amount":0.10,"id":"018","who":"a","day":"2020-01-02 10:00"}\n',
    };
    const path = await world.write(`b.${format}`, contents[format] ?? '');
    if (format === 'parquet') {
      const sql = `COPY (SELECT * FROM (VALUES ('017','a',1234567890123.45,TIMESTAMP '2020-01-01 10:00:00'),('018','a',0.10,TIMESTAMP '2020-01-02 10:00:00')) t(id, who, amount, day)) TO '${path}' (FORMAT parquet)`;
      const script = `import('@duckdb/node-api').then(async ({ DuckDBInstance }) => (await (await DuckDBInstance.create()).connect()).run(${JSON.stringify(sql)}))`;
      execFileSync(process.execPath, ['-e', script], { cwd: new URL('../..', import.meta.url) });
    }
    expect(await world.import(path, PLAIN)).toMatchObject({ read: 2, imported: 0, repeated: 2 });
  });

  it('of whole envelopes are taken as they are', async () => {
    const event = {
      event_id: 'e1',
      event_type: 'email_open',
      customer_id: 'a',
      occurred_at: '2020-01-01T00:00:00Z',
      campaign_id: 'c',
      more: 1,
    };
    const line = JSON.stringify(event, null, 0);
    const content = [line, line, '{"event_id":"e2"}', 'nonsense', ''].join('\n');
    const summary = await world.import(await world.write('a.ndjson', content), { source: 'events' });
    expect(summary).toMatchObject({
      read: 4,
      imported: 1,
      repeated: 1,
      quarantined: { missing_field: { rows: 1, lines: 1 }, invalid_json: { rows: 1, lines: 1 } },
    });
    expect(await world.events()).toEqual([event]);
  });

  it('of tickets make two events of a resolved one, and reopen it when a later file does', async () => {
    const tickets: MappingFile = {
      source: 'support_tickets',
      map: {
        ticket_id: 'id',
        customer_id: 'who',
        category: "'billing'",
        priority: 'lower(prio)',
        created_date: 'created',
        resolved_date: 'resolved',
      },
    };
    const csv = (resolved: string) => `id,who,prio,created,resolved\nt1,a,HIGH,2020-01-01,${resolved}\n`;
    await world.import(await world.write('1.csv', csv('2020-01-03')), tickets);
    const reopened = await world.import(await world.write('2.csv', csv('')), tickets);
    const closed = await world.import(await world.write('3.csv', `${csv('2020-01-03')}\n`), tickets);
    expect([reopened.replaced, closed.replaced]).toEqual([1, 1]);
    const events = await world.events();
    expect(events.map(({ event_type }) => event_type)).toEqual([
      'support_ticket_created',
      'support_ticket_resolved',
      'support_ticket_created',
      'support_ticket_created',
      'support_ticket_resolved',
    ]);
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(5);
  });

  it('of envelopes in a column are taken from it', async () => {
    const event = JSON.stringify({
      event_id: 'e1',
      event_type: 'email_open',
      customer_id: 'a',
      occurred_at: '2020-01-01T00:00:00Z',
      campaign_id: 'c',
    });
    const csv = `n,body\n1,"${event.replaceAll('"', '""')}"\n2,x\n3,\n`;
    const summary = await world.import(await world.write('a.csv', csv), { source: 'events', map: { event: 'body' } });
    expect(summary).toMatchObject({ read: 3, imported: 1, quarantined: { invalid_json: { rows: 2, lines: 2 } } });
  });

  it('of sources without a key count every line, and once', async () => {
    const profiles: MappingFile = {
      source: 'profiles',
      map: { customer_id: 'who', occurred_at: 'day', birth_year: 'born', country: "coalesce(land, 'DE')" },
    };
    const csv = 'who,day,born,land\na,2020-01-01,1980,\na,2020-01-01,1980,\nb,2020-01-01,x,FR\n';
    const first = await world.import(await world.write('1.csv', csv), profiles);
    expect(first).toMatchObject({ imported: 2, quarantined: { wrong_type: { rows: 1, lines: 1 } } });
    expect(await world.import(await world.write('2.csv', csv), profiles)).toMatchObject({ import: null, repeated: 2 });
    expect(await world.events()).toMatchObject([{ birth_year: 1980, country: 'DE' }, { birth_year: 1980 }]);
  });

  it('of a dry run show what would be, and change nothing', async () => {
    const summary = await world.import(
      await world.write('a.csv', plainCsv('o1,a,1.005,2020-01-01', 'o2,,1,2020-01-01')),
      PLAIN,
      { isDry: true },
    );
    expect(summary).toMatchObject({
      import: null,
      dry_run: true,
      imported: 1,
      sample: [
        { line: 2, events: [{ order_id: 'o1', total_amount: '1.01' }] },
        { line: 3, code: 'missing_field' },
      ],
    });
    expect(await world.lake.imports()).toEqual([]);
  });
});

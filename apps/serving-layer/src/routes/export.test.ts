import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { tableFromIPC } from 'apache-arrow';
import { expect, test } from 'vitest';
import { type Body, order, profile, ticket } from '../testing/sample-shop.ts';
import { type Served, serve } from '../testing/served.ts';
import { SteeredViews } from '../testing/steered-views.ts';

const CUSTOMERS = 1203;

/** Text that CSV, spreadsheets, JSON or Arrow may trip over. */
const TRAPS = ['=1+1', '+1', '-1', '@x', "'quoted", 'a,b', 'a"b', 'ü😀', ' ', 'null', '__proto__'];

function history(at: number): readonly Body[] {
  return [
    ...(at % 3 === 0 ? [order(`o${at}`, `${at}.${String(at % 100).padStart(2, '0')}`, '2024-03-01T00:00:00Z')] : []),
    ...(at % 4 === 0
      ? [ticket(`t${at}`, 'high', '2024-05-20T00:00:00Z'), ticket(`u${at}`, 'high', '2024-05-21T00:00:00Z')]
      : []),
    profile(TRAPS[at % TRAPS.length] ?? ''),
  ];
}

type Line = { customer_id: string; metrics: Record<string, unknown>; provisional: readonly string[] };

async function filledShop(served: Served): Promise<void> {
  const ids = Array.from({ length: CUSTOMERS }, (_, at) => `${TRAPS[at % TRAPS.length]}${at}`);
  await served.shop.publish(1, Object.fromEntries(ids.map((id, at) => [id, history(at)])));
  for (let at = 0; at < 40; at++) {
    await served.shop.fold(
      at % 2 === 0 ? `only delta ${at}` : (ids[at] ?? ''),
      { epoch: 1, partition: 0, offset: BigInt(100 + at) },
      [
        order(`d${at}`, '2.50', '2024-05-01T00:00:00Z'),
        { event_type: 'order_cancelled', order_id: 'o3', total_amount: '3.03', order_date: '2024-03-01T00:00:00Z' },
      ],
    );
  }
}

/** What every customer is when read alone. */
async function singleReads({ app, shop }: Served): Promise<Map<string, Line>> {
  const pages = await shop.views.scan({ generation: 1, excluded: [] }, null, { after: null, limit: 10_000 });
  const all = new Map<string, Line>();
  for (const { customerId } of pages.rows) {
    const { customer_id, metrics, provisional } = (
      await app.inject(`/v1/customers/${encodeURIComponent(customerId)}`)
    ).json<Line>();
    all.set(customer_id, { customer_id, metrics, provisional });
  }
  return all;
}

test('an export in each format is the set of single reads', async () => {
  const served = await serve();
  await filledShop(served);
  const expected = await singleReads(served);
  expect(expected.size).toBe(CUSTOMERS + 20);
  expect([...expected.values()].some(({ provisional }) => provisional.length > 0)).toBe(true);
  const exported = async (accept: string) => {
    const response = await served.app.inject({ url: '/v1/customers/export', headers: { accept } });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe(accept);
    expect(response.headers).toMatchObject({
      'tidemark-generation': '1',
      'tidemark-as-of': '2024-06-01T13:00:00.000Z',
      'tidemark-currency': 'USD',
    });
    return response;
  };

  const lines = (await exported('application/x-ndjson')).body.trimEnd().split('\n');
  const ndjson = lines.map((line) => JSON.parse(line) as Line);
  expect(new Map(ndjson.map((line) => [line.customer_id, line]))).toEqual(expected);
  expect(ndjson).toHaveLength(expected.size);

  const [header = [], ...rows] = parseCsv((await exported('text/csv')).body);
  expect(rows).toHaveLength(expected.size);
  for (const row of rows) {
    const [id = '', ...cells] = row;
    const line = expected.get(unguarded(id));
    expect(line).toBeDefined();
    const values = Object.values(line?.metrics ?? {});
    expect(header).toEqual(['customer_id', ...Object.keys(line?.metrics ?? {}), 'provisional']);
    expect(cells.slice(0, -1).map(unguarded)).toEqual(values.map(asCell));
    expect(cells.at(-1)).toBe(line?.provisional.join(';'));
    for (const cell of row) expect(cell).not.toMatch(/^[=+@\t\r]/);
  }

  const table = tableFromIPC((await exported('application/vnd.apache.arrow.stream')).rawPayload);
  expect(table.numRows).toBe(expected.size);
  expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual(
    expect.arrayContaining([
      'customer_id: Utf8',
      'total_revenue: Decimal[38e+2]',
      'order_count: Int64',
      'last_order_date: Timestamp<MILLISECOND, UTC>',
      'birth_year: Int32',
      'segment: Utf8',
      'at_risk: Bool',
    ]),
  );
  for (let row = 0; row < table.numRows; row++) {
    const read = (name: string): unknown => table.getChild(name)?.get(row);
    const line = expected.get(String(read('customer_id')));
    for (const [name, value] of Object.entries(line?.metrics ?? {}))
      expect(plain(read(name)), name).toEqual(asArrow(name, value));
    expect(plain(read('provisional'))).toEqual(line?.provisional);
  }
}, 120_000);

const unguarded = (cell: string): string => (cell.startsWith("'") ? cell.slice(1) : cell);

function asCell(value: unknown): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.join(';');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** RFC 4180, as its grammar says. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, bare = '', end = ''] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  return rows.slice(0, -1);
}

/** A metric's value as Arrow gives it back: money unscaled, times as milliseconds. */
function asArrow(name: string, value: unknown): unknown {
  if (typeof value === 'string' && /^-?\d+\.\d\d$/.test(value)) return BigInt(value.replace('.', ''));
  if (typeof value === 'string' && name.endsWith('_date')) return Date.parse(value);
  return value;
}

function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? Number(value) : value;
  if (value instanceof Uint32Array) {
    const [a = 0, b = 0, c = 0, d = 0] = value;
    return BigInt.asIntN(128, BigInt(a) | (BigInt(b) << 32n) | (BigInt(c) << 64n) | (BigInt(d) << 96n));
  }
  if (Symbol.iterator in value && !('toJSON' in value && !('length' in value)))
    return [...(value as Iterable<unknown>)];
  return Object.fromEntries([...(value as Iterable<[string, bigint]>)].map(([key, count]) => [key, Number(count)]));
}

test('an empty view is a file without customers in each format', async () => {
  const { app } = await serve();
  const body = async (accept: string) =>
    (await app.inject({ url: '/v1/customers/export', headers: { accept } })).rawPayload;
  expect((await body('application/x-ndjson')).toString()).toBe('');
  expect((await body('text/csv')).toString()).toMatch(/^customer_id,total_revenue,.*,provisional\r\n$/);
  const table = tableFromIPC(await body('application/vnd.apache.arrow.stream'));
  expect(table.numRows).toBe(0);
  expect(table.schema.fields).toHaveLength(32);
});

async function steeredExport(raise: (served: Served) => Promise<void>) {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  await filledShop(served);
  let scans = 0;
  steering?.before.set('scan', async () => {
    if (++scans === 2) await raise(served);
  });
  const address = await served.app.listen({ host: '127.0.0.1', port: 0 });
  return { served, address };
}

test('an export whose generation falls below the floor is torn off, not ended', async () => {
  const { address } = await steeredExport(async ({ shop, ticks }) => {
    await shop.publish(2, {});
    await shop.raiseFloor(2);
    ticks.advance(10_001);
  });
  const response = await fetch(`${address}/v1/customers/export`);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
});

test('an export that takes long goes on with its generation while that is readable', async () => {
  const { address } = await steeredExport(async ({ shop, ticks }) => {
    await shop.publish(2, {});
    ticks.advance(10_001);
  });
  const response = await fetch(`${address}/v1/customers/export`);
  expect((await response.text()).trimEnd().split('\n')).toHaveLength(CUSTOMERS + 20);
  expect(response.headers.get('tidemark-generation')).toBe('1');
});

test('an export whose store fails on the way is torn off, and one that can not begin is a problem', async () => {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  await filledShop(served);
  const address = await served.app.listen({ host: '127.0.0.1', port: 0 });
  steering?.fail('scan');
  expect((await fetch(`${address}/v1/customers/export`)).status).toBe(503);
  steering?.before.set('scan', () => steering?.fail('scan'));
  const response = await fetch(`${address}/v1/customers/export`, {
    headers: { accept: 'application/vnd.apache.arrow.stream' },
  });
  expect(response.status).toBe(200);
  await expect(response.arrayBuffer()).rejects.toThrow();
});

test('a client that does not read holds the export up, and its going ends it', async () => {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      const { scan } = steering.views;
      // A view without end.
      const endless: typeof scan = async (...asked) => ({ rows: (await scan(...asked)).rows, cursor: '' });
      return { views: { ...steering.views, scan: endless } };
    },
  });
  await filledShop(served);
  await served.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = served.app.server.address() as AddressInfo;
  const serverSide = new Promise<Socket>((connected) => served.app.server.once('connection', connected));
  const client = connect(port, '127.0.0.1');
  client.pause();
  client.write('GET /v1/customers/export HTTP/1.1\r\nhost: x\r\n\r\n');
  const socket = await serverSide;
  const scans = () => steering?.count('scan') ?? 0;
  // The kernel's buffers are full once a write stays in ours over many turns of the event loop.
  await expect
    .poll(
      async () => (await turns(200)) && socket.writableNeedDrain && (await turns(200)) && socket.writableNeedDrain,
      { timeout: 20_000 },
    )
    .toBe(true);
  const held = scans();
  await turns(500);
  expect(scans()).toBeLessThanOrEqual(held + 1);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  client.destroy();
  await closed;
  await turns(500);
  expect(scans()).toBeLessThanOrEqual(held + 2);
});

async function turns(count: number): Promise<true> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
  return true;
}

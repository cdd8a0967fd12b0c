import { connect } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { PROBLEMS, type ProblemCode } from './problem.ts';
import { order } from './testing/sample-shop.ts';
import { type Served, serve } from './testing/served.ts';
import { SteeredViews } from './testing/steered-views.ts';

const provoked = new Set<string>();
afterAll(() => {
  // Each code of the table was answered by some request above.
  expect([...provoked].sort()).toEqual(Object.keys(PROBLEMS).sort());
});

const json = { 'content-type': 'application/json' };
const batchGet = { method: 'POST', url: '/v1/customers:batchGet', headers: json } as const;
const ids = (...customer_ids: unknown[]): string => JSON.stringify({ customer_ids });

type Request = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly payload?: string | Buffer;
};

const refused: readonly [ProblemCode, string, Request][] = [
  ['TIDEMARK_API_INVALID_REQUEST', 'an unknown parameter', { url: '/v1/customers/ann?generatoin=1' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a parameter given twice', { url: '/v1/customers/ann?layer=batch&layer=batch' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'an empty number', { url: '/v1/customers/ann?generation=' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a negative number', { url: '/v1/customers/ann?generation=-1' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a number over int32', { url: '/v1/customers/ann?generation=2147483648' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a fraction', { url: '/v1/customers?limit=1.5' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a limit over the most', { url: '/v1/customers?limit=501' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a time without an offset', { url: '/v1/customers/ann?as_of=2024-06-01T00:00:00' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'an id with a control character', { url: '/v1/customers/a%07' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'an id that is no UTF-8', { url: '/v1/customers/%ff' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'ids that are no strings', { ...batchGet, payload: ids(1) }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a body that is no object', { ...batchGet, payload: 'null' }],
  [
    'TIDEMARK_API_INVALID_REQUEST',
    'a field named __proto__',
    { ...batchGet, payload: '{"customer_ids":["a"],"__proto__":{}}' },
  ],
  ['TIDEMARK_API_INVALID_BODY', 'what is no JSON', { ...batchGet, payload: '{' }],
  ['TIDEMARK_API_INVALID_BODY', 'an empty body', { ...batchGet, payload: '' }],
  ['TIDEMARK_API_INVALID_BODY', 'what is no UTF-8', { ...batchGet, payload: Buffer.from([0x22, 0xff, 0x22]) }],
  ['TIDEMARK_API_INVALID_BODY', 'a key named twice', { ...batchGet, payload: '{"a":1,"a":1}' }],
  ['TIDEMARK_API_INVALID_BODY', 'nesting without end', { ...batchGet, payload: '['.repeat(100_000) }],
  ['TIDEMARK_API_AS_OF_TOO_EARLY', 'a moment of long ago', { url: '/v1/customers/ann?as_of=2020-01-01T00:00:00Z' }],
  ['TIDEMARK_API_AS_OF_TOO_EARLY', 'an export of long ago', { url: '/v1/customers/export?as_of=2020-01-01T00:00:00Z' }],
  ['TIDEMARK_API_UNKNOWN_SORT', 'a metric without an order', { url: '/v1/customers?sort=segment' }],
  ['TIDEMARK_API_INVALID_CURSOR', 'a made-up cursor', { url: '/v1/dead-letters?cursor=abc' }],
  ['TIDEMARK_API_UNKNOWN_CUSTOMER', 'a customer who never was', { url: '/v1/customers/nobody' }],
  ['TIDEMARK_API_UNKNOWN_GENERATION', 'a generation that never was', { url: '/v1/customers/ann?generation=99' }],
  ['TIDEMARK_API_NO_ROUTE', 'another path', { url: '/v2' }],
  ['TIDEMARK_API_NO_ROUTE', 'a path with a slash at its end', { url: '/v1/generations/' }],
  ['TIDEMARK_API_INVALID_REQUEST', 'a part of a path longer than any id', { url: `/v1/customers/${'a'.repeat(800)}` }],
  ['TIDEMARK_API_METHOD_NOT_ALLOWED', 'another method', { method: 'DELETE', url: '/v1/customers/ann' }],
  [
    'TIDEMARK_API_METHOD_NOT_ALLOWED',
    'another method with a body',
    { method: 'PUT', url: '/v1/customers', payload: 'x' },
  ],
  ['TIDEMARK_API_METHOD_NOT_ALLOWED', 'a preflight', { method: 'OPTIONS', url: '/v1/customers' }],
  [
    'TIDEMARK_API_NOT_ACCEPTABLE',
    'a format not offered',
    { url: '/v1/customers/export', headers: { accept: 'text/html, */*;q=0' } },
  ],
  ['TIDEMARK_API_BODY_TOO_LARGE', 'a large body', { ...batchGet, payload: ids('a'.repeat(600_000)) }],
  [
    'TIDEMARK_API_UNSUPPORTED_MEDIA_TYPE',
    'a body of another type',
    { ...batchGet, headers: { 'content-type': 'text/plain' }, payload: '{}' },
  ],
];

test.each(refused)('%s answers %s', async (code, _what, request) => {
  const { app, shop } = await serve();
  await shop.publish(1, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  expectProblem(await app.inject(request), code);
});

type Answered = { statusCode: number; headers: Record<string, unknown>; body: string };

function expectProblem(response: Answered, code: ProblemCode): void {
  const body = JSON.parse(response.body);
  expect(body).toMatchObject({ code, ...PROBLEMS[code], type: `urn:tidemark:problem:${code}` });
  expect(response.statusCode).toBe(PROBLEMS[code].status);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  if (code === 'TIDEMARK_API_METHOD_NOT_ALLOWED') expect(response.headers.allow).toMatch(/GET/);
  if (code === 'TIDEMARK_API_UNAVAILABLE') expect(response.headers['retry-after']).toBe('1');
  provoked.add(code);
}

test('a request that is refused says where and what was expected', async () => {
  const { get } = await serve();
  expect(await get('/v1/customers?limit=0&sorted=1')).toMatchObject({
    body: {
      errors: [
        { at: 'querystring/limit', message: 'expected a whole number from 1 to 500' },
        { at: 'querystring/', message: 'Unrecognized key: "sorted"' },
      ],
    },
  });
});

test('a generation without drift has none', async () => {
  const { app, shop } = await serve();
  await shop.publish(1, {});
  expectProblem(await app.inject('/v1/drift/1'), 'TIDEMARK_API_NO_DRIFT');
});

test('a generation below the floor is gone', async () => {
  const { app, shop } = await serve();
  await shop.publish(1, {});
  await shop.publish(2, {});
  await shop.raiseFloor(2);
  expectProblem(await app.inject('/v1/customers/ann?generation=1'), 'TIDEMARK_API_GENERATION_GONE');
});

test('too many requests from one address are turned away, those for paths that are not there too', async () => {
  const limits = { requestsPerMinute: 3, rankedTouched: 10 };
  for (const url of ['/v1/customers/ann', '/nothing']) {
    const { app, shop } = await serve({ over: () => ({ limits }) });
    await shop.publish(1, {});
    for (let request = 0; request < 3; request++) expect((await app.inject(url)).statusCode).toBe(404);
    const response = await app.inject(url);
    expectProblem(response, 'TIDEMARK_API_TOO_MANY_REQUESTS');
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  }
});

async function steered(): Promise<Served & { readonly steering: SteeredViews }> {
  let steering: SteeredViews | undefined;
  const served = await serve({
    over: (shop) => {
      steering = new SteeredViews(shop.views);
      return { views: steering.views };
    },
  });
  if (!steering) throw new Error('no views');
  return { ...served, steering };
}

test('a defect is hidden from the client and logged without the customer', async () => {
  const { app, steering, lines } = await steered();
  steering.before.set('read', () => {
    throw new TypeError('secret thing');
  });
  const response = await app.inject('/v1/customers/private-customer');
  expectProblem(response, 'TIDEMARK_API_INTERNAL');
  expect(response.body).not.toContain('secret');
  expect(lines.join('')).toContain('secret thing');
  expect(lines.join('')).not.toContain('private-customer');
});

test.each([
  ['read', '/v1/customers/ann'],
  ['candidates', '/v1/customers'],
  ['scan', '/v1/customers/export'],
  ['deadLetters', '/v1/dead-letters'],
  ['pointer', '/v1/generations'],
  ['pointer', '/readyz'],
] as const)('while the views fail at %s, %s is unavailable', async (call, url) => {
  const { app, shop, steering } = await steered();
  await shop.publish(1, { ann: [] });
  steering.fail(call);
  expectProblem(await app.inject(url), 'TIDEMARK_API_UNAVAILABLE');
});

test('a server whose definition is not the one served says whose turn it is', async () => {
  const serving = async () => ({ serving: 'feedfacefeedface', previous: null, untilMs: null });
  const { app } = await serve({ over: () => ({ serving }) });
  expectProblem(await app.inject('/readyz'), 'TIDEMARK_API_NOT_SERVED');
});

test('while the catalog is down the live generation answers, and what needs the catalog is unavailable', async () => {
  const down = async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  };
  const { app, shop } = await serve({
    over: () => ({ catalog: { run: down, runs: down, drift: down, drifts: down } }),
  });
  await shop.publish(1, { ann: [order('o1', '1.00', '2024-01-01T00:00:00Z')] });
  expect((await app.inject('/v1/customers/ann?generation=1')).statusCode).toBe(200);
  expectProblem(await app.inject('/v1/customers/ann?generation=2'), 'TIDEMARK_API_UNAVAILABLE');
  expectProblem(await app.inject('/v1/generations'), 'TIDEMARK_API_UNAVAILABLE');
});

/** What comes back for these bytes, until the server closes the connection. */
async function raw(address: string, bytes: string): Promise<Answered> {
  const { port } = new URL(address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(bytes);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  const [head = '', body = ''] = Buffer.concat(parts).toString().split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => line.split(': ')));
  return { statusCode: Number(status.split(' ')[1]), headers, body };
}

test('what is no request, or does not come in time, is answered and the connection closed', async () => {
  const { app } = await serve();
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  expectProblem(await raw(address, 'HELLO\r\n\r\n'), 'TIDEMARK_API_MALFORMED_REQUEST');
  const long = `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`;
  expectProblem(await raw(address, long), 'TIDEMARK_API_MALFORMED_REQUEST');
  // Node looks for late requests twice a minute: the test says what it would find.
  app.server.once('connection', (socket) => {
    const late = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    socket.once('readable', () => app.server.emit('clientError', late, socket));
  });
  expectProblem(await raw(address, 'GET /healthz HTTP/1.1\r\nhost: x\r\n'), 'TIDEMARK_API_REQUEST_TIMEOUT');
});

test('every code is documented in the OpenAPI, with its status', async () => {
  const { get } = await serve();
  const { body } = await get('/openapi.json');
  const { description } = (body as { info: { description: string } }).info;
  for (const [code, { status }] of Object.entries(PROBLEMS))
    expect(description).toContain(`| \`${code}\` | ${status} |`);
});

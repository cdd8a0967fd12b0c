import { Command } from 'commander';
import { expect, test } from 'vitest';
import { applyOptions, ConfigurationError, optionKeys, optionsHelp, readOptions, toEnv } from './options.ts';

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigurationError) {
      expect(error.code).toBe('TIDEMARK_CONFIG');
      for (const problem of error.problems) expect(error.message).toContain(problem);
      return error.problems;
    }
    throw error;
  }
  throw new Error('expected a ConfigurationError');
}

test('every setting with a default has a default that is valid', () => {
  const options = readOptions(optionKeys, { env: {} });
  expect(options.port).toBe(8080);
  expect(options.barrierDistanceMs).toBe(10_000);
  expect(options.home).toMatch(/^\/.*\.tidemark$/);
  expect(options.logUrl).toBeUndefined();
});

test('a flag wins over the environment, which wins over the default; an empty variable is absent', () => {
  const env = { TIDEMARK_PORT: '9000', TIDEMARK_HOST: '' };
  expect(readOptions(['port', 'host'], { env })).toEqual({ port: 9000, host: '127.0.0.1' });
  expect(readOptions(['port'], { env, flags: { port: '9001' } })).toEqual({ port: 9001 });
});

test('all errors are reported together, each with its name, what was given and what is expected', () => {
  const problems = problemsOf(() =>
    readOptions(optionKeys, {
      env: {
        TIDEMARK_PORT: '70000',
        TIDEMARK_CURRENCY: 'usd',
        TIDEMARK_GENERATIONS: '1',
        TIDEMARK_BATCH_SCHEDULE: '* * * * *',
        TIDEMARK_ENGINE_MEMORY: 'lots',
        TIDEMARK_BARRIER_DISTANCE: '10',
        TIDEMARK_LAKE_URL: 'ftp://host/lake',
        TIDEMARK_API_URL: 'javascript:alert(1)',
      },
      flags: { logLevel: 'loud' },
      required: ['viewsUrl'],
    }),
  );
  expect(problems).toHaveLength(10);
  expect(problems).toContain("TIDEMARK_PORT is '70000', expected a whole number from 0 to 65535");
  expect(problems).toContainEqual(
    expect.stringMatching(/^TIDEMARK_VIEWS_URL is not set, expected postgres:.+ or cassandra:/),
  );
  expect(
    problems.some((problem) => problem.startsWith("--log-level (TIDEMARK_LOG_LEVEL) is 'loud', expected one of trace")),
  ).toBe(true);
});

test.each(['', ' 1', '1.5', '1e3', '0x10', '-1', '١'])('a number must be plain digits: %j is none', (given) => {
  if (given === '') expect(readOptions(['gatherMs'], { env: { TIDEMARK_GATHER_MS: given } }).gatherMs).toBe(200);
  else expect(problemsOf(() => readOptions(['gatherMs'], { env: { TIDEMARK_GATHER_MS: given } }))).toHaveLength(1);
});

test('unknown names are reported with the nearest setting', () => {
  const env = {
    TIDEMARK_PROT: '1',
    TIDEMARK_VIEWS: 'x',
    TIDEMARK_QUITE_ELSEWHERE: 'x',
    TIDEMARK_LOGS: 'x',
    TIDEMARK_SEED: '42',
    OTHER: 'x',
  };
  expect(problemsOf(() => readOptions([], { env }))).toEqual([
    'TIDEMARK_LOGS is no setting of Tidemark',
    'TIDEMARK_PROT is no setting of Tidemark, did you mean TIDEMARK_PORT?',
    'TIDEMARK_QUITE_ELSEWHERE is no setting of Tidemark',
    'TIDEMARK_VIEWS is no setting of Tidemark, did you mean TIDEMARK_VIEWS_URL?',
  ]);
});

test.each([
  'mysql://ann:s3cret@db/x',
  'postgres//ann:s3cret@db/x',
  'mysql://ann:s3cret/@@db/x',
  'mysql://db/x?password=s3cret',
  'mysql://:s3cret@db/x',
])('no secret of a URL gets into a message: %s', (given) => {
  const problems = problemsOf(() => readOptions(['logUrl'], { env: { TIDEMARK_LOG_URL: given } }));
  expect(problems.join()).not.toContain('s3cret');
  expect(problems.join()).toContain('db/x');
});

test('the lake may be a folder or a file: URL, and is one URL afterwards', () => {
  const read = (given: string) => readOptions(['lakeUrl'], { env: { TIDEMARK_LAKE_URL: given } }).lakeUrl;
  expect(read('/data/a lake')).toBe('file:///data/a%20lake');
  expect(read('file:///data/a%20lake')).toBe('file:///data/a%20lake');
});

test('children read the same settings from the environment they are given', () => {
  const given = readOptions(optionKeys, {
    env: {
      TIDEMARK_LOG_URL: 'postgres://ann:s3cret@db:5432/x',
      TIDEMARK_LAKE_URL: 'lake',
      TIDEMARK_FLOOR_GRACE: '2m',
      TIDEMARK_HOME: 'some where',
    },
  });
  const env = toEnv(given);
  expect(env.TIDEMARK_FLOOR_GRACE).toBe('120000ms');
  expect(env).not.toHaveProperty('TIDEMARK_VIEWS_URL');
  expect(readOptions(optionKeys, { env })).toEqual(given);
});

test('every setting has a flag that commander reads back, and a row of help', () => {
  const command = applyOptions(new Command(), optionKeys);
  const rows = optionsHelp();
  expect(rows).toHaveLength(optionKeys.length);
  for (const row of rows) {
    expect(command.helpInformation()).toContain(row.flag);
    expect(row.flag).toBe(`--${row.env.replace('TIDEMARK_', '').toLowerCase().replaceAll('_', '-')}`);
  }
  command.parse(['--barrier-distance', '1s', '--log-url=postgres://db/x'], { from: 'user' });
  const options = readOptions(optionKeys, { env: { TIDEMARK_BARRIER_DISTANCE: '5s' }, flags: command.opts() });
  expect(options.barrierDistanceMs).toBe(1000);
  expect(options.logUrl).toBe('postgres://db/x');
});

test('the stores that are clusters may be named by several hosts, and by nothing that is not theirs', () => {
  const log = (given: string) => readOptions(['logUrl'], { env: { TIDEMARK_LOG_URL: given } }).logUrl;
  for (const given of ['kafka://a:9092,b:9092/events', 'kafka://u:p%40@a/events?tls=true', 'postgres://u@h:1/d'])
    expect(log(given)).toBe(given);
  for (const given of [
    'kafka:',
    'kafka:///events',
    'kafka://a b/events',
    'cassandra://a:9042',
    'mysql://h/d',
    'a:9092',
  ])
    expect(problemsOf(() => log(given))).toHaveLength(1);
  const views = 'cassandra://a:9042,b?dc=datacenter1&keyspace=tidemark&rf=1';
  expect(readOptions(['viewsUrl'], { env: { TIDEMARK_VIEWS_URL: views } }).viewsUrl).toBe(views);
});

test('what the tests of the workspace are told is no setting, and no mistake', () => {
  expect(readOptions(['port'], { env: { TIDEMARK_TEST_KAFKA: '127.0.0.1:9092', TIDEMARK_SEED: '1' } }).port).toBe(8080);
});

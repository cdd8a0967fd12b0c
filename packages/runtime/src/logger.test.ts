import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

function capture(level = 'trace') {
  const lines: string[] = [];
  const logger = createLogger({ app: 'speed-layer', level, destination: { write: (line) => lines.push(line) } });
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? 'null');
  return { lines, logger, last };
}

test('an event is one line of JSON with app, level and time', () => {
  const { lines, logger, last } = capture();
  logger.info({ partition: 3, offset: 2n ** 60n }, 'two\nlines');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toContain('\n');
  expect(last()).toMatchObject({
    app: 'speed-layer',
    level: 'info',
    partition: 3,
    offset: '1152921504606846976',
    msg: 'two\nlines',
  });
  expect(Date.parse(String(last().time))).not.toBeNaN();
});

test('customers and payloads are logged at debug level and never above it', () => {
  const { logger, last } = capture();
  const fields = {
    customerId: 'ann',
    nested: { customer_id: 'ann', payload: 'ann buys' },
    rows: 12,
    list: [{ event: 'ann' }],
  };
  logger.info(fields, 'x');
  expect(JSON.stringify(last())).not.toContain('ann');
  expect(last()).toMatchObject({ rows: 12 });
  logger.debug(fields, 'x');
  expect(last()).toMatchObject({ customerId: 'ann', nested: { payload: 'ann buys' } });
});

test('no password of a URL is logged, in no field, message or error', () => {
  const { lines, logger, last } = capture();
  const error = new Error('connect postgres://a:s3cret@db/x', { cause: new Error('postgres://a:s3cret@db/x') });
  logger.error({ err: error, url: 'postgres://a:s3cret@db/x' }, 'failed');
  logger.error(error);
  logger.error(error, 'postgres://a:s3cret@db/x');
  logger.child({ url: 'postgres://a:s3cret@db/x' }).error('postgres://a:s3cret@db/x');
  expect(lines.join()).not.toContain('s3cret');
  expect(lines).toHaveLength(4);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    err: { type: 'Error' },
  });
  expect(last()).toMatchObject({ msg: 'postgres://a:***@db/x' });
});

test('an object that contains itself does not hurt', () => {
  const { logger, last } = capture();
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  logger.info({ loop }, 'x');
  expect(last()).toMatchObject({ msg: 'x' });
});

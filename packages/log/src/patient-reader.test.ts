import { expect, test } from 'vitest';
import { LogError } from './error.ts';
import { patient } from './patient-reader.ts';

const options = { maxRecords: 1, waitMs: 0 };
const isRetryable = (error: unknown) => error instanceof LogError && error.retryable;
const failing = (error: unknown) => ({ read: () => Promise.reject(error) });

test('an outage is read as nothing new, and the handler is told of it', async () => {
  const outage = new LogError('TIDEMARK_LOG_UNAVAILABLE', 'away');
  const told: unknown[] = [];
  const handler = { unreadable: (...what: unknown[]) => told.push(what) };
  const reader = patient(failing(outage), isRetryable, handler);
  expect(await reader.read(3, 7n, options)).toEqual({ records: [], next: 7n, level: false });
  expect(told).toEqual([[3, outage]]);
  expect(await patient(failing(outage), isRetryable, {}).read(3, 7n, options)).toMatchObject({ next: 7n });
});

test('what no waiting changes is thrown', async () => {
  const replaced = new LogError('TIDEMARK_LOG_REPLACED', 'gone');
  await expect(patient(failing(replaced), isRetryable, {}).read(3, 7n, options)).rejects.toBe(replaced);
});

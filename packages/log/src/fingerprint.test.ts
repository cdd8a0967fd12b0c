import { expect, test } from 'vitest';
import { fingerprint } from './fingerprint.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const record = { offset: 7n, key: bytes('k'), value: bytes('v'), headers: { a: bytes('1'), b: bytes('2') } };

test('a record has one fingerprint, whatever the order of its headers', () => {
  expect(fingerprint(record)).toBe('4e25b35b8279efd0521b8ca5341d588dd7f525aaf241a99d677661a8c09adb66');
  expect(fingerprint({ ...record, headers: { b: bytes('2'), a: bytes('1') } })).toBe(fingerprint(record));
});

test.each([
  ['offset', { offset: 8n }],
  ['key', { key: bytes('kv') }],
  ['null for a key', { key: null }],
  ['empty for a key', { key: new Uint8Array() }],
  ['value', { value: bytes('') }],
  ['null for a value', { value: null }],
  ['headers', { headers: {} }],
  ["a header's value", { headers: { a: bytes('12'), b: bytes('') } }],
])('another %s is another fingerprint', (_name, change) => {
  expect(fingerprint({ ...record, ...change })).not.toBe(fingerprint(record));
});

test('bytes that move from key to value are noticed', () => {
  const one = { ...record, key: bytes('ab'), value: bytes('c') };
  expect(fingerprint(one)).not.toBe(fingerprint({ ...record, key: bytes('a'), value: bytes('bc') }));
});

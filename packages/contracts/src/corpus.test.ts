import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parse } from './parse.ts';
import { REJECT_CODES } from './reject.ts';

const Case = z.strictObject({
  name: z.string(),
  currency: z.string().default('USD'),
  /** The record, as text, as bytes, or as one unit many times. */
  text: z.string().optional(),
  base64: z.string().optional(),
  repeat: z.strictObject({ prefix: z.string(), unit: z.string(), count: z.int(), suffix: z.string() }).optional(),
  /** The event it is, money written as digits and `n`. */
  event: z.record(z.string(), z.unknown()).optional(),
  unknownFields: z.array(z.string()).optional(),
  /** Or why it is none, and the field that its reason starts with. */
  code: z.string().optional(),
  path: z.string().optional(),
});
type Case = z.output<typeof Case>;

const folder = new URL('../corpus/', import.meta.url);
const files = readdirSync(folder).sort();

function bytesOf(entry: Case): Uint8Array {
  if (entry.base64 !== undefined) return Buffer.from(entry.base64, 'base64');
  const { repeat } = entry;
  if (repeat !== undefined) return Buffer.from(repeat.prefix + repeat.unit.repeat(repeat.count) + repeat.suffix);
  return Buffer.from(entry.text ?? '');
}

function plain(event: object): unknown {
  return JSON.parse(JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)));
}

const corpus = files.map((file): [string, Case[]] => [
  file,
  z.array(Case).parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
]);

describe.each(corpus)('corpus/%s', (_, cases) => {
  test.each(cases.map((entry): [string, Case] => [entry.name, entry]))('%s', (_name, entry) => {
    const result = parse(bytesOf(entry), { currency: entry.currency });
    if (entry.event !== undefined) {
      expect(result).toMatchObject({ ok: true, unknownFields: entry.unknownFields });
      expect(plain(result.ok ? result.event : {})).toStrictEqual(entry.event);
    } else {
      expect(result).toMatchObject({ ok: false, code: entry.code });
      if (entry.path !== undefined && !result.ok) expect(result.reason.startsWith(`${entry.path}: `)).toBe(true);
    }
  });
});

test('the corpus has a record for every code', () => {
  const codes = new Set(corpus.flatMap(([, cases]) => cases.flatMap((entry) => entry.code ?? [])));
  expect([...codes].sort()).toStrictEqual(Object.keys(REJECT_CODES).sort());
});

import { expect, it } from 'vitest';
import { jsonValues } from './json-line.ts';

const values = (text: string, ...wanted: readonly string[]) => jsonValues(text, wanted, () => {});

it('gives numbers as they are written where a double would change them', () => {
  const text = '{"a":12345678901234567890.10,"b":1.50,"c":"123456789012345678 \\" 1","d":[1,2],"e":null}';
  expect(values(text, 'a', 'c', 'd', 'e', 'f')).toEqual({
    ok: true,
    values: ['12345678901234567890.10', '123456789012345678 " 1', '["1","2"]', null, null],
  });
});

it('refuses what is no object, and what no store can keep', () => {
  expect(values('[1]', 'a')).toMatchObject({ code: 'not_an_object' });
  expect(values('{"a":', 'a')).toMatchObject({ code: 'invalid_json' });
  expect(values('{"a":"\\ud800x"}', 'a')).toMatchObject({ code: 'invalid_json' });
  expect(values('{"__proto__":"x","a":"\\ud83c\\udf0a"}', 'a', '__proto__')).toEqual({ ok: true, values: ['🌊', 'x'] });
});

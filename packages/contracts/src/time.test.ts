import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTime, parseTime } from './time.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 2 ** 31);
const END_MS = Date.UTC(3000, 0, 1);
const time = fc.integer({ min: 0, max: END_MS - 1 });

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

test(`every time reads back as it was written, in any offset (seed ${seed})`, () => {
  fc.assert(
    fc.property(time, fc.integer({ min: -1439, max: 1439 }), (ms, offset) => {
      expect(parseTime(formatTime(ms))).toBe(ms);
      expect(formatTime(ms)).toBe(new Date(ms).toISOString());
      const local = formatTime(ms + offset * 60_000).slice(0, -1);
      const distance = Math.abs(offset);
      const sign = offset < 0 ? '-' : '+';
      // A local year of five digits has no RFC 3339 form; the year 3000 and 1969 have.
      expect(parseTime(`${local}${sign}${pad(Math.trunc(distance / 60))}:${pad(distance % 60)}`)).toBe(ms);
    }),
    { seed, numRuns: 5000 },
  );
});

test('every day of the calendar is where it should be, and no other day is there', () => {
  let days = 0;
  for (let year = 1970; year <= 2999; year++) {
    for (let month = 1; month <= 12; month++) {
      for (let day = 1; day <= 32; day++) {
        const ms = parseTime(`${year}-${pad(month)}-${pad(day)}T00:00:00Z`);
        if (day <= new Date(Date.UTC(year, month, 0)).getUTCDate()) expect(ms).toBe(86_400_000 * days++);
        else expect(ms).toBeNull();
      }
    }
  }
  expect(days).toBe(END_MS / 86_400_000);
});

test(`a fraction is cut, never rounded up (seed ${seed})`, () => {
  fc.assert(
    fc.property(time, fc.stringMatching(/^\d{1,40}$/), (ms, fraction) => {
      const second = Math.floor(ms / 1000) * 1000;
      const text = `${formatTime(second).slice(0, 19)}.${fraction}Z`;
      expect(parseTime(text)).toBe(second + Number(fraction.padEnd(3, '0').slice(0, 3)));
    }),
    { seed, numRuns: 2000 },
  );
});

test(`any text is a time or null, never NaN (seed ${seed})`, () => {
  const shape = fc.stringMatching(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([Zz]|[+-][0-9]{2}:[0-9]{2})?$/,
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), shape), (text) => {
      const ms = parseTime(text);
      if (ms !== null) expect(Number.isInteger(ms) && ms >= 0 && ms < END_MS).toBe(true);
    }),
    { seed, numRuns: 5000 },
  );
});

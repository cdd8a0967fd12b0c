import { expect, test } from 'vitest';
import { memoryShare } from './memory-share.ts';

test('a share is a part of the limit in whole megabytes, and never nothing', () => {
  expect(memoryShare('2GB', 0.75)).toBe('1500MB');
  expect(memoryShare('512MB', 0.5)).toBe('256MB');
  expect(memoryShare('1MB', 0.5)).toBe('1MB');
  expect(() => memoryShare('much', 0.5)).toThrow(RangeError);
});

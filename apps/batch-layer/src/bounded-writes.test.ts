import { expect, it } from 'vitest';
import { BoundedWrites } from './bounded-writes.ts';

it('never has more writes under way than it was told', async () => {
  const writes = new BoundedWrites(3);
  let now = 0;
  let most = 0;
  for (let n = 0; n < 20; n++) {
    await writes.add(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    });
  }
  await writes.drain();
  expect(most).toBe(3);
});

it('throws the first failure, and leaves no rejection unheard', async () => {
  const writes = new BoundedWrites(2);
  await writes.add(() => Promise.reject(new Error('first')));
  await writes.add(() => Promise.reject(new Error('second'))).catch(() => {});
  await expect(writes.drain()).rejects.toThrow('first');
});

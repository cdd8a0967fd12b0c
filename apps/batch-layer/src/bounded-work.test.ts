import { expect, it } from 'vitest';
import { BoundedWork } from './bounded-work.ts';

it('never has more work under way than it was told', async () => {
  const work = new BoundedWork(3);
  let now = 0;
  let most = 0;
  for (let n = 0; n < 20; n++) {
    await work.add(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    });
  }
  await work.drain();
  expect(most).toBe(3);
});

it('throws the first failure, and leaves no rejection unheard', async () => {
  const work = new BoundedWork(2);
  await work.add(() => Promise.reject(new Error('first')));
  await work.add(() => Promise.reject(new Error('second'))).catch(() => {});
  await expect(work.drain()).rejects.toThrow('first');
});

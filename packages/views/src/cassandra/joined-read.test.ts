import { expect, it } from 'vitest';
import { JoinedRead } from './joined-read.ts';

type Begun = { readonly resolve: (value: number) => void; readonly reject: (error: Error) => void };

/** Reads that are ended by hand, joined. */
function steered() {
  const begun: Begun[] = [];
  const joined = new JoinedRead(() => new Promise<number>((resolve, reject) => begun.push({ resolve, reject })));
  return { begun, joined };
}

/** Lets everything run that waits for nothing. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('answers by a read that began after it was asked', async () => {
  const { begun, joined } = steered();
  const first = joined.ask();
  const [second, third] = [joined.ask(), joined.ask()];
  expect(begun).toHaveLength(1);
  begun[0]?.resolve(1);
  expect(await first).toBe(1);
  await settled();
  // One read for both.
  expect(begun).toHaveLength(2);
  begun[1]?.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  const fourth = joined.ask();
  expect(begun).toHaveLength(3);
  begun[2]?.resolve(3);
  expect(await fourth).toBe(3);
});

it('tells a failure to those who asked for that read alone', async () => {
  const { begun, joined } = steered();
  const first = joined.ask();
  const second = joined.ask();
  begun[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await settled();
  begun[1]?.resolve(2);
  expect(await second).toBe(2);
});

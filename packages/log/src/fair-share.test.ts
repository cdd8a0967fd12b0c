import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fairShare, type Holding } from './fair-share.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);

const scene = fc
  .record({ members: fc.integer({ min: 1, max: 6 }), partitions: fc.integer({ min: 0, max: 12 }) })
  .chain(({ members, partitions }) => {
    const names = Array.from({ length: members }, (_, n) => `m${n}`);
    const holder = fc.oneof(fc.constant(null), fc.constantFrom(...names));
    return fc.record({
      names: fc.constant(names),
      held: fc.array(holder, { minLength: partitions, maxLength: partitions }),
    });
  });

test('whoever acts first, the members settle on shares that differ by one at most, and then rest', () => {
  const property = fc.property(
    scene,
    fc.array(fc.nat(100), { minLength: 1, maxLength: 10 }),
    ({ names, held }, turns) => {
      let holdings: Holding[] = held.map((member, partition) => ({ partition, member }));
      const act = (me: string): boolean => {
        const { take, giveBack } = fairShare(names, holdings, me);
        holdings = holdings.map((each) => {
          if (take.includes(each.partition)) return { ...each, member: me };
          return giveBack.includes(each.partition) ? { ...each, member: null } : each;
        });
        return take.length + giveBack.length > 0;
      };
      for (const turn of turns) act(names[turn % names.length] ?? 'm0');
      // Once round to give back, once round to take.
      for (let round = 0; round < 2; round += 1) for (const name of names) act(name);
      const sizes = names.map((name) => holdings.filter((each) => each.member === name).length);
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(held.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(names.some(act)).toBe(false);
    },
  );
  fc.assert(property, { seed, numRuns: 500 });
});

test('nobody takes what another holds, nor gives back what is not theirs', () => {
  const property = fc.property(scene, ({ names, held }) => {
    const holdings = held.map((member, partition) => ({ partition, member }));
    for (const me of names) {
      const { take, giveBack } = fairShare(names, holdings, me);
      expect(take.every((partition) => held[partition] === null)).toBe(true);
      expect(giveBack.every((partition) => held[partition] === me)).toBe(true);
    }
  });
  fc.assert(property, { seed, numRuns: 500 });
});

test('who is no member has no share', () => {
  expect(() => fairShare(['a'], [], 'b')).toThrow(RangeError);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, type Standing } from './assignment.ts';

const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);

const scene = fc
  .record({ members: fc.integer({ min: 1, max: 6 }), partitions: fc.integer({ min: 0, max: 12 }) })
  .chain(({ members, partitions }) =>
    fc.record({
      owners: fc.array(fc.option(fc.nat(members - 1)), { minLength: partitions, maxLength: partitions }),
      leaving: fc.array(fc.boolean(), { minLength: members, maxLength: members }),
    }),
  )
  .map(({ owners, leaving }) => {
    const standing = (n: number): Standing => ({
      owned: owners.flatMap((owner, partition) => (owner === n ? [partition] : [])),
      partitions: owners.length,
      isLeaving: leaving[n] === true,
    });
    return new Map(leaving.map((_, n) => [`m${n}`, standing(n)]));
  });

const all = (assigned: ReadonlyMap<string, readonly number[]>): number[] => [...assigned.values()].flat();

test('nobody is given what another still has, nor two the same', () => {
  const property = fc.property(scene, (members) => {
    const assigned = assign(members);
    expect(new Set(all(assigned)).size).toBe(all(assigned).length);
    for (const [id, partitions] of assigned) {
      for (const partition of partitions) {
        const owner = [...members].find(([, { owned }]) => owned.includes(partition))?.[0];
        expect([undefined, id]).toContain(owner);
      }
    }
  });
  fc.assert(property, { seed, numRuns: 500 });
});

test('who leaves is given nothing new, and keeps what it finishes', () => {
  const property = fc.property(scene, (members) => {
    for (const [id, { isLeaving, owned }] of members) if (isLeaving) expect(assign(members).get(id)).toEqual(owned);
  });
  fc.assert(property, { seed, numRuns: 500 });
});

test('once what changes hands was given up, all is given out in shares that differ by one at most, and stays', () => {
  const property = fc.property(scene, (members) => {
    const kept = (before: ReadonlyMap<string, Standing>) => {
      const assigned = assign(before);
      return new Map([...before].map(([id, each]) => [id, { ...each, owned: assigned.get(id) ?? [] }]));
    };
    const active = new Map([...members].filter(([, { isLeaving }]) => !isLeaving));
    fc.pre(active.size > 0);
    const settled = kept(kept(active));
    const sizes = [...settled.values()].map(({ owned }) => owned.length);
    expect([...settled.values()].flatMap(({ owned }) => owned).sort((a, b) => a - b)).toEqual(
      Array.from({ length: [...members.values()][0]?.partitions ?? 0 }, (_, partition) => partition),
    );
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    expect(kept(settled)).toEqual(settled);
  });
  fc.assert(property, { seed, numRuns: 500 });
});

test('what one member knows of the topic is known to the group', () => {
  const members = new Map([
    ['a', { owned: [0, 1], partitions: 2, isLeaving: false }],
    ['b', { owned: [], partitions: 4, isLeaving: false }],
  ]);
  expect(assign(members)).toEqual(
    new Map([
      ['a', [0, 1]],
      ['b', [2, 3]],
    ]),
  );
});

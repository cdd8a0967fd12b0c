import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LivePointer, ViewStore } from '../port.ts';
import { COLUMNS, freshId, samplePointer } from '../testing/samples.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { type FreshKeyspace, freshKeyspace } from './testing/fresh-keyspace.ts';

const node = cassandraOfRun();

describe.skipIf(node === null)('the live pointer', () => {
  let keyspace: FreshKeyspace;
  const stores: ViewStore[] = [];

  beforeAll(async () => {
    keyspace = freshKeyspace(node ?? '');
    for (let client = 0; client < 4; client++) stores.push(await openCassandraViews(keyspace.url));
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await keyspace?.drop();
  });

  test('of twenty that set it at once over the same one exactly one wins, also those who want the very same', async () => {
    const id = freshId();
    const clients = await Promise.all(stores.map((store) => store.open({ id, columns: COLUMNS })));
    let expected: LivePointer | null = null;
    for (let generation = 1; generation <= 5; generation++) {
      const before: LivePointer | null = expected;
      // Pairs of them want the same content.
      const wanted = Array.from({ length: 20 }, (_, index) =>
        samplePointer(generation, { publishedAtMs: 1000 + Math.floor(index / 2) }),
      );
      const won: (boolean | undefined)[] = await Promise.all(
        wanted.map((next, index) => clients[index % clients.length]?.compareAndSetPointer(before, next)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expected = wanted[won.indexOf(true)] ?? null;
      for (const views of clients) expect(await views.pointer()).toEqual(expected);
    }
  });
});

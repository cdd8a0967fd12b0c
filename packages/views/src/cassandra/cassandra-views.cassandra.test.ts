import { cassandraOfRun } from '@tidemark/infra-local/testing';
import { describe } from 'vitest';
import { viewsConformance } from '../testing/index.ts';
import { openCassandraViews } from './cassandra-store.ts';
import { bareClient, freshKeyspace } from './testing/fresh-keyspace.ts';
import { ReusedTables } from './testing/reused-tables.ts';

const node = cassandraOfRun();

describe.skipIf(node === null)('on a real node', () => {
  viewsConformance(
    'Cassandra',
    async () => {
      const keyspace = freshKeyspace(node ?? '');
      const client = await bareClient(node ?? '');
      const reused = new ReusedTables(client, keyspace.name);
      return {
        open: async () => reused.store(await openCassandraViews(keyspace.url)),
        close: async () => {
          await keyspace.drop();
          await client.shutdown();
        },
      };
    },
    {
      // Of two writes at the same offset the greater bytes win, cell by cell: rows are a function of the offset.
      fencesEqualOffsets: false,
      // A delete stays for a day and shadows what is older than its cut.
      forgetsDeletes: false,
    },
  );
});

import { freshDatabase } from '@tidemark/postgres/testing';
import { viewsConformance } from '../testing/index.ts';
import { openPostgresViews } from './postgres-store.ts';

viewsConformance(
  'PostgreSQL',
  async () => {
    const database = await freshDatabase();
    return { open: () => openPostgresViews(database.url), close: () => database.drop() };
  },
  // The condition is part of the upsert; a deleted row leaves nothing that could shadow a later one.
  { fencesEqualOffsets: true, forgetsDeletes: true },
);

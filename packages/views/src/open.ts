import { ViewsError } from './error.ts';
import type { ViewStore } from './port.ts';
import { openPostgresViews } from './postgres/index.ts';

/** The view store a URL names. */
export async function openViews(url: string): Promise<ViewStore> {
  if (/^postgres(ql)?:/.test(url)) return openPostgresViews(url);
  if (url.startsWith('cassandra:')) {
    // Cassandra's driver is loaded by those alone who use it.
    const { openCassandraViews } = await import('./cassandra/index.ts');
    return openCassandraViews(url);
  }
  const message = `There are no views for ${url.split(':')[0]}: URLs. Use postgres://… or cassandra://….`;
  throw new ViewsError('TIDEMARK_VIEWS_URL', message);
}

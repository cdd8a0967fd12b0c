import { ViewsError } from './error.ts';
import type { ViewStore } from './port.ts';
import { openPostgresViews } from './postgres/index.ts';

/** The view store a URL names. */
export async function openViews(url: string): Promise<ViewStore> {
  if (/^postgres(ql)?:/.test(url)) return openPostgresViews(url);
  throw new ViewsError('TIDEMARK_VIEWS_URL', `There are no views for ${url.split(':')[0]}: URLs. Use postgres://….`);
}

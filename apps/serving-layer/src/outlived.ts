import { ViewsError } from '@tidemark/views';
import type { Services } from './services.ts';

/**
 * Tells the context when a request failed because the tables are gone and it is this server's turn: they were made anew, and
 * only a process that begins anew finds them. A server of a definition that is not served any more has lost them for good.
 */
export function tellOutlived({ context, turn }: Services, error: unknown): void {
  if (!(error instanceof ViewsError) || error.code !== 'TIDEMARK_VIEWS_GONE') return;
  turn.otherServed().then(
    (other) => {
      if (other === null) context.outlived(error);
    },
    // The store does not say now; the next request asks it again.
    () => {},
  );
}

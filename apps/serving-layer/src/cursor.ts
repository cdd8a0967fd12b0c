import type { z } from 'zod';
import { ApiProblem } from './problem.ts';

const MAX_CURSOR_LENGTH = 4096;

/** Content as an opaque word that a query string can hold. */
export const encodeCursor = (content: unknown): string =>
  Buffer.from(JSON.stringify(content), 'utf8').toString('base64url');

/**
 * What a cursor holds. It is not secret and grants nothing, so it is not signed: it is read as strictly as any input, and
 * only what this API may have written passes.
 */
export function decodeCursor<T>(schema: z.ZodType<T>, cursor: string): T {
  if (cursor.length <= MAX_CURSOR_LENGTH) {
    try {
      const parsed = schema.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
      if (parsed.success) return parsed.data;
    } catch {
      // Not JSON: refused as anything else that is none of ours.
    }
  }
  throw invalidCursor();
}

export const invalidCursor = (): ApiProblem =>
  new ApiProblem('TIDEMARK_API_INVALID_CURSOR', 'Take `next_cursor` as it was answered to the same query.');

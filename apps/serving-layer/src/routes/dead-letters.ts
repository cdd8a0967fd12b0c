import type { DeadLetter } from '@tidemark/views';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { limit } from '../schema/request.ts';
import type { Services, ServingApp } from '../services.ts';

const querystring = z.strictObject({ limit: limit(100, 1000), cursor: z.string().optional() });

const deadLetterCursor = z.strictObject({
  partition: z.int().min(0),
  offset: z
    .string()
    .regex(/^\d{1,19}$/)
    .transform(BigInt)
    .refine((offset) => offset < 2n ** 63n),
});
const letter = z.strictObject({
  partition: z.int(),
  offset: z.string(),
  code: z.string(),
  reason: z.string(),
  bytes: z.base64(),
  text: z.string().nullable().describe('The bytes as text; null when they are not UTF-8.'),
});
const answer = z.strictObject({
  counts: z.record(z.string(), z.string()).describe('All dead letters by code.'),
  dead_letters: z.array(letter).describe('By partition and offset.'),
  next_cursor: z.string().nullable(),
});

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `GET /v1/dead-letters`: records that are no events, each at its position, with its bytes. */
export function deadLettersRoute(app: ServingApp, { context: { views } }: Services): void {
  const schema = { summary: 'Records that are no events', querystring, response: { 200: answer } };
  app.get('/v1/dead-letters', { schema }, async (request) => {
    const { limit: size, cursor } = request.query;
    const after = cursor === undefined ? null : decodeCursor(deadLetterCursor, cursor);
    // One more than asked for says whether there is a next page.
    const [counts, letters] = await Promise.all([
      views.countDeadLetters(),
      views.deadLetters({ after, limit: size + 1 }),
    ]);
    const page = letters.slice(0, size);
    const last = letters.length > size ? page.at(-1) : undefined;
    return {
      counts: Object.fromEntries([...counts].map(([code, count]) => [code, count.toString()])),
      dead_letters: page.map(letterAnswer),
      next_cursor: last ? encodeCursor({ partition: last.partition, offset: last.offset.toString() }) : null,
    };
  });
}

function letterAnswer({ partition, offset, code, reason, bytes }: DeadLetter) {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return { partition, offset: offset.toString(), code, reason, bytes: base64, text: textOf(bytes) };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

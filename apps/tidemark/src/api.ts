import { z } from 'zod';
import { CliError } from './error.ts';

const TIMEOUT_MS = 35_000;

export type Answer = { readonly status: number; readonly bytes: Uint8Array };

const problem = z.object({ detail: z.string(), code: z.string() });

/** Asks the HTTP API, by POST when there is a body; the answer's very bytes. Throws `TIDEMARK_API_UNREACHABLE` when there is none. */
export async function ask(apiUrl: string, path: string, body?: unknown): Promise<Answer> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  try {
    const response = await fetch(`${apiUrl}${path}`, {
      ...(body === undefined ? {} : post),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
  } catch (cause) {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new CliError(
      'TIDEMARK_API_UNREACHABLE',
      `The API at ${apiUrl} does not answer (${why}). Is it up? \`tidemark status\` tells; \`tidemark up\` starts it.`,
      { cause, retryable: true },
    );
  }
}

/** Asks and parses. Throws `TIDEMARK_API_PROBLEM` with the problem's own words for anything but 200. */
export async function askFor<T>(apiUrl: string, path: string, schema: z.ZodType<T>): Promise<T> {
  return parseAnswer(apiUrl, await ask(apiUrl, path), schema);
}

/** Parses an answer that was asked for before; throws as `askFor` does. */
export function parseAnswer<T>(apiUrl: string, { status, bytes }: Answer, schema: z.ZodType<T>): T {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new CliError('TIDEMARK_API_UNREACHABLE', `What answers at ${apiUrl} is no Tidemark API.`, { cause });
  }
  if (status === 200) {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CliError(
      'TIDEMARK_API_UNREACHABLE',
      `What answers at ${apiUrl} is no Tidemark API of this version: ${z.prettifyError(parsed.error)}`,
    );
  }
  const told = problem.safeParse(body);
  throw new CliError(
    'TIDEMARK_API_PROBLEM',
    told.success ? told.data.detail : `The API answered with status ${status}.`,
  );
}

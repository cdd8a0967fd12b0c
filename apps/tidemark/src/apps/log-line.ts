import { z } from 'zod';

/** What an app's error line says. `code` is a stable one where the error is Tidemark's own. */
export type LoggedError = {
  readonly level: 'error' | 'fatal';
  readonly message: string;
  readonly code: string | null;
};

const levels = z.enum(['error', 'fatal']);
const err = z.object({ message: z.string(), code: z.string().optional() });
const logLine = z.object({ level: levels, msg: z.string().optional(), err: err.optional() });

const progressLine = z.object({
  progress: z.object({
    step: z.string().optional(),
    detail: z.string().optional(),
    done: z.number().optional(),
    total: z.number().optional(),
  }),
});

export type AppProgress = z.output<typeof progressLine>['progress'];

export type AppLine =
  | { readonly kind: 'error'; readonly error: LoggedError }
  | { readonly kind: 'progress'; readonly progress: AppProgress }
  | { readonly kind: 'log' }
  /** Not JSON: what Node itself says when a process dies. */
  | { readonly kind: 'text'; readonly text: string };

/** How a command that keeps no log says why it failed. */
const PLAIN_ERROR = /^(TIDEMARK_[A-Z_]+): (.+)$/;

/** Reads a line that an app wrote to stderr: JSON logs and progress, or plain text. */
export function readAppLine(line: string): AppLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    const [, code, message] = PLAIN_ERROR.exec(line) ?? [];
    if (code === undefined || message === undefined) return { kind: 'text', text: line };
    return { kind: 'error', error: { level: 'fatal', message, code } };
  }
  const progress = progressLine.safeParse(value);
  if (progress.success) return { kind: 'progress', progress: progress.data.progress };
  const logged = logLine.safeParse(value);
  if (!logged.success) return { kind: 'log' };
  const { level, msg, err: cause } = logged.data;
  return { kind: 'error', error: { level, message: cause?.message ?? msg ?? 'an error', code: cause?.code ?? null } };
}

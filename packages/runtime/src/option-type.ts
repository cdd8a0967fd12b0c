import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Cron } from 'croner';
import { z } from 'zod';

/**
 * How one setting is read from the text of an environment variable or flag, and written back for a child process.
 * `format(parse(text))` parses to the same value again.
 */
export type OptionType<T extends string | number> = {
  /** What a valid value looks like; completes the sentence 'expected …'. */
  readonly expects: string;
  readonly schema: z.ZodType<T, string>;
  readonly format: (value: string | number) => string;
};

export function text(expects: string, pattern: RegExp): OptionType<string> {
  return { expects, schema: z.string().regex(pattern), format: String };
}

export function oneOf<const T extends string>(...values: readonly [T, ...T[]]): OptionType<T> {
  return { expects: `one of ${values.join(', ')}`, schema: z.enum(values), format: String };
}

export function integer(min: number, max: number): OptionType<number> {
  return {
    expects: `a whole number from ${min} to ${max}`,
    schema: z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number)
      .pipe(z.number().min(min).max(max)),
    format: String,
  };
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** A length of time such as `10s`, read into milliseconds. */
export function duration(minMs: number, maxMs: number): OptionType<number> {
  return {
    expects: `a duration such as 500ms, 10s or 2m, from ${minMs}ms to ${maxMs}ms`,
    schema: z
      .string()
      .regex(/^\d{1,9}(ms|s|m|h)$/)
      .transform((given) => {
        const [, count, unit] = /^(\d+)([a-z]+)$/.exec(given) ?? [];
        return Number(count) * (UNIT_MS.get(unit ?? '') ?? Number.NaN);
      })
      .pipe(z.number().min(minMs).max(maxMs)),
    format: (ms) => `${ms}ms`,
  };
}

/** A folder, read into an absolute path. */
export const folder: OptionType<string> = {
  expects: 'the path of a folder',
  schema: z
    .string()
    .refine((given) => !given.includes('\0') && !given.includes('://'))
    .transform((given) => resolve(given)),
  format: String,
};

/** A `file:` URL or the path of a folder, read into a `file:` URL. */
export const folderUrl: OptionType<string> = {
  expects: 'a file: URL or the path of a folder',
  schema: z.string().transform((given, context) => {
    const invalid = (): never => {
      context.addIssue({ code: 'custom', message: 'not a folder' });
      return z.NEVER;
    };
    if (given.includes('\0')) return invalid();
    if (!/^[a-z][a-z0-9+.-]+:/i.test(given)) return pathToFileURL(resolve(given)).href;
    try {
      return pathToFileURL(fileURLToPath(given)).href;
    } catch {
      return invalid();
    }
  }),
  format: String,
};

export function url(expects: string, ...protocols: readonly string[]): OptionType<string> {
  return {
    expects,
    schema: z.string().refine((given) => {
      if (!URL.canParse(given)) return false;
      const { protocol, hostname } = new URL(given);
      return protocols.includes(protocol) && hostname !== '';
    }),
    format: String,
  };
}

/**
 * A URL with one of the protocols, or one with one of `clustered`, which may name several hosts (`kafka://a:1,b:2/topic`),
 * as no URL of the standard can. Whoever opens it reads the rest.
 */
export function clusterUrl(
  expects: string,
  single: readonly string[],
  clustered: readonly string[],
): OptionType<string> {
  const one = url(expects, ...single);
  const several = z
    .string()
    .refine((given) => clustered.some((protocol) => given.startsWith(`${protocol}//`)))
    .regex(/^[a-z]+:\/\/[^\s/?#]+([/?]\S*)?$/);
  return { expects, schema: z.union([one.schema, several]), format: String };
}

export const currency: OptionType<string> = {
  expects: 'an ISO 4217 code such as USD or JPY',
  schema: z.string().refine((given) => Intl.supportedValuesOf('currency').includes(given)),
  format: String,
};

export const schedule: OptionType<string> = {
  expects: "a cron expression of six fields, seconds first, such as '0 0 * * * *'",
  schema: z.string().refine((given) => {
    if (given.trim().split(/\s+/).length !== 6) return false;
    try {
      return new Cron(given, { paused: true }).nextRun() !== null;
    } catch {
      return false;
    }
  }),
  format: String,
};

import { TidemarkError } from '@tidemark/contracts';
import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { OPTIONS, type OptionDeclaration } from './option-table.ts';
import { redactSecrets } from './secret.ts';

export type OptionKey = keyof typeof OPTIONS;

type Parsed<K extends OptionKey> = z.output<(typeof OPTIONS)[K]['type']['schema']>;

/** The values of the settings asked for. One without a default is undefined when absent, unless it was required. */
export type Options<K extends OptionKey, R extends OptionKey = never> = {
  readonly [P in K]: (typeof OPTIONS)[P]['default'] extends null
    ? P extends R
      ? Parsed<P>
      : Parsed<P> | undefined
    : Parsed<P>;
};

/** All configuration errors of a start, together; `problems` holds a line each, free of secrets. */
export class ConfigurationError extends TidemarkError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      'TIDEMARK_CONFIG',
      `The configuration can't be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** Names that belong to the tests of the workspace and are no settings. */
const TEST_NAMES = /^TIDEMARK_(SEED$|HISTORIES$|TEST_)/;

const PREFIX = 'TIDEMARK_';

const declarations: ReadonlyMap<OptionKey, OptionDeclaration<string | number>> = new Map(
  (Object.keys(OPTIONS) as OptionKey[]).map((key) => [key, OPTIONS[key]]),
);

export const optionKeys: readonly OptionKey[] = [...declarations.keys()];

function flagOf(env: string): string {
  return `--${env.slice(PREFIX.length).toLowerCase().replaceAll('_', '-')}`;
}

function attributeOf(env: string): string {
  return new Option(`${flagOf(env)} <value>`).attributeName();
}

/**
 * Reads settings: a flag wins over the environment, which wins over the default; an empty variable is an absent one.
 * Throws one ConfigurationError that lists everything wrong: values that don't parse, required ones that are absent, and
 * unknown `TIDEMARK_*` names (of settings not asked for, only the name is looked at). `flags` is what commander's `opts()` gives.
 */
export function readOptions<const K extends OptionKey, const R extends K = never>(
  keys: readonly K[],
  given: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly flags?: Readonly<Record<string, unknown>>;
    readonly required?: readonly R[];
  },
): Options<K, R> {
  const problems = unknownNames(given.env);
  const required: ReadonlySet<OptionKey> = new Set(given.required ?? []);
  const values: Partial<Record<OptionKey, unknown>> = {};
  for (const key of keys) {
    const { env, type, default: byDefault } = OPTIONS[key];
    const flag = given.flags?.[attributeOf(env)];
    const fromEnv = given.env[env] === '' ? undefined : given.env[env];
    const source = flag === undefined ? env : `${flagOf(env)} (${env})`;
    const text = flag === undefined ? (fromEnv ?? byDefault) : String(flag);
    if (text === null) {
      if (required.has(key)) problems.push(`${env} is not set, expected ${type.expects}`);
      continue;
    }
    const parsed = type.schema.safeParse(text);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(`${source} is '${redactSecrets(text)}', expected ${type.expects}`);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  // Each value came out of its own key's schema just above; the mapped type can't be built up key by key.
  return values as Options<K, R>;
}

/** The environment that gives a child process the same settings. Absent ones are left out. */
export function toEnv(options: Partial<Options<OptionKey>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, declaration] of declarations) {
    const value = options[key];
    if (value !== undefined) env[declaration.env] = declaration.type.format(value);
  }
  return env;
}

/** Adds the flags of these settings to a command, without defaults: `readOptions` decides between flag, environment and default. */
export function applyOptions(command: Command, keys: readonly OptionKey[]): Command {
  for (const row of optionsHelp(keys)) {
    const byDefault = row.default === null ? '' : `, default ${row.default}`;
    command.addOption(new Option(`${row.flag} <value>`, `${row.help} (${row.env}${byDefault})`));
  }
  return command;
}

export type OptionHelp = {
  readonly key: OptionKey;
  readonly env: string;
  readonly flag: string;
  readonly default: string | null;
  readonly expects: string;
  readonly help: string;
};

/** The table for documentation, in its own order. */
export function optionsHelp(keys: readonly OptionKey[] = optionKeys): readonly OptionHelp[] {
  return keys.map((key) => {
    const { env, type, help, default: byDefault } = OPTIONS[key];
    return { key, env, flag: flagOf(env), default: byDefault, expects: type.expects, help };
  });
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...declarations.values()].map((declaration) => declaration.env as string);
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name) && !TEST_NAMES.test(name))
    .sort()
    .map((name) => {
      const near = nearest(name, known);
      return `${name} is no setting of Tidemark${near === null ? '' : `, did you mean ${near}?`}`;
    });
}

/** A name that this one is a prefix of (or the other way round), else the closest within a third of its letters. */
function nearest(name: string, known: readonly string[]): string | null {
  const byPrefix = known.find((other) => other.startsWith(name) || name.startsWith(other));
  if (byPrefix !== undefined) return byPrefix;
  let best: { readonly other: string; readonly edits: number } | null = null;
  for (const other of known) {
    const edits = editDistance(name, other);
    if (best === null || edits < best.edits) best = { other, edits };
  }
  return best !== null && best.edits <= Math.ceil((name.length - PREFIX.length) / 3) ? best.other : null;
}

/** Levenshtein distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

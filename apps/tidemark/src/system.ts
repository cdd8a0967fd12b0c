import { relative } from 'node:path';
import { type OptionKey, type Options, readOptions, toEnv } from '@tidemark/runtime';
import { CliError } from './error.ts';
import { type Running, readRunning, storeUrls } from './home/running-file.ts';
import { given, HOMES } from './supervisor/settings.ts';

/** What every command takes to find a running system: its folder, or where its parts are. */
export const SYSTEM_OPTIONS = ['home', 'apiUrl', 'logUrl', 'viewsUrl', 'lakeUrl', 'catalogUrl', 'currency'] as const;

type SystemOptions = Options<(typeof SYSTEM_OPTIONS)[number]>;
type Env = Readonly<Record<string, string | undefined>>;

/** The system a command speaks to. What was given by flag or environment wins over what its folder says. */
export type System = {
  readonly home: string;
  /** What runs in the folder; null when nothing does. */
  readonly running: Running | null;
  readonly options: SystemOptions;
};

export type SystemStores = {
  readonly logUrl: string;
  readonly viewsUrl: string;
  readonly catalogUrl: string;
  readonly lakeUrl: string;
  readonly currency: string;
};

/**
 * Finds the system: in the folder that was named, else in the one of `.tidemark` and the demos' folders where one runs.
 * Throws `TIDEMARK_WHICH_SYSTEM` when several run.
 */
export function findSystem(env: Env, flags: Readonly<Record<string, unknown>>): System {
  const set = given(env);
  const options = readOptions(SYSTEM_OPTIONS, { env: set, flags });
  const isNamed = flags.home !== undefined || set.TIDEMARK_HOME !== undefined || options.apiUrl !== undefined;
  const homes = isNamed
    ? [options.home]
    : HOMES.map((home) => readOptions(['home'], { env: {}, flags: { home } }).home);
  const found = homes.map((home) => ({ home, running: readRunning(home) }));
  const [first, second] = found.filter(({ running }) => running !== null);
  if (first && second) {
    throw new CliError(
      'TIDEMARK_WHICH_SYSTEM',
      `Several systems run here. Say which with --home ${relative('.', first.home)} or --home ${relative('.', second.home)}.`,
    );
  }
  const { home, running } = first ?? { home: options.home, running: null };
  return { home, running, options };
}

/** Where its HTTP API answers. Throws `TIDEMARK_NOT_RUNNING`. */
export function apiOf({ home, running, options }: System): string {
  const url = options.apiUrl ?? running?.apiUrl ?? null;
  if (url !== null) return url.replace(/\/+$/, '');
  if (running !== null) {
    throw new CliError(
      'TIDEMARK_NOT_RUNNING',
      `The system in ${home} is still starting. Try again when it says it is ready.`,
    );
  }
  throw notRunning(home, 'TIDEMARK_API_URL');
}

/** Its stores, with their passwords. Throws `TIDEMARK_NOT_RUNNING` when one is neither given nor to be found. */
export function storesOf({ home, running, options }: System): SystemStores {
  const own = running === null ? null : storeUrls(home, running);
  const logUrl = options.logUrl ?? own?.logUrl;
  const viewsUrl = options.viewsUrl ?? own?.viewsUrl;
  const catalogUrl = options.catalogUrl ?? own?.catalogUrl;
  const lakeUrl = options.lakeUrl ?? running?.lakeUrl;
  if (logUrl == null || viewsUrl == null || catalogUrl == null || lakeUrl === undefined) {
    throw notRunning(home, 'TIDEMARK_LOG_URL, TIDEMARK_VIEWS_URL, TIDEMARK_CATALOG_URL and TIDEMARK_LAKE_URL');
  }
  return { logUrl, viewsUrl, catalogUrl, lakeUrl, currency: running?.currency ?? options.currency };
}

/** The environment for an app that works on this system: its stores, and the settings it was started with. */
export function appEnv(system: System): NodeJS.ProcessEnv {
  const urls: Partial<Options<OptionKey>> = storesOf(system);
  return { ...process.env, ...system.running?.settings, ...given(process.env), ...toEnv(urls) };
}

function notRunning(home: string, names: string): CliError {
  return new CliError(
    'TIDEMARK_NOT_RUNNING',
    `No Tidemark runs in ${home}. Start one with \`tidemark up\` (or the demo with \`npm start\`), name its folder with --home, or set ${names}.`,
  );
}

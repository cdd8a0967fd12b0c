import { type Options, readOptions } from '@tidemark/runtime';
import { storedCurrency } from '../home/data-folder.ts';

/** The settings of `up`: what its processes need, and where. */
export const UP_OPTIONS = [
  'home',
  'host',
  'port',
  'currency',
  'logUrl',
  'viewsUrl',
  'lakeUrl',
  'catalogUrl',
  'engine',
  'engineMemory',
  'engineThreads',
  'batchSchedule',
  'generations',
  'partitions',
  'barrierDistanceMs',
  'floorGraceMs',
  'stateCache',
  'gatherMs',
  'metricsPort',
  'logLevel',
  'demoSeed',
  'demoHistory',
  'demoRate',
] as const;

export type UpSettings = Options<(typeof UP_OPTIONS)[number]>;

export const OWN_HOME = '.tidemark';
export const DEMO_HOME = '.tidemark-demo';

/** What the demo has by default where the table has something else. */
const DEMO_DEFAULTS = { TIDEMARK_HOME: DEMO_HOME, TIDEMARK_BATCH_SCHEDULE: '*/30 * * * * *' } as const;

type Env = Readonly<Record<string, string | undefined>>;

/** The variables that are set; an empty one is an absent one. */
export const given = (env: Env): Env => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

/**
 * Reads what `up` was given. Without a currency named, a folder keeps the one it was made with; the demo has a folder and
 * a schedule of its own.
 */
export function readUpSettings(env: Env, flags: Readonly<Record<string, unknown>>, isDemo: boolean): UpSettings {
  const withDefaults = { ...(isDemo ? DEMO_DEFAULTS : {}), ...given(env) };
  const settings = readOptions(UP_OPTIONS, { env: withDefaults, flags });
  const currency = storedCurrency(settings.home);
  if (currency === null) return settings;
  return readOptions(UP_OPTIONS, { env: { TIDEMARK_CURRENCY: currency, ...withDefaults }, flags });
}

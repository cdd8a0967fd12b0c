import { ConfigurationError, type Options, readOptions } from '@tidemark/runtime';
import { type ServerName, storedIdentity } from '../home/data-folder.ts';

/** The settings of `up`: what its processes need, and where. */
export const UP_OPTIONS = [
  'home',
  'host',
  'port',
  'currency',
  'logUrl',
  'viewsUrl',
  'on',
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
  'stallMs',
  'logLevel',
  'demoSeed',
  'demoHistory',
  'demoRate',
] as const;

export type UpSettings = Options<(typeof UP_OPTIONS)[number]>;

export const OWN_HOME = '.tidemark';
export const DEMO_HOME = '.tidemark-demo';
export const SERVED_DEMO_HOME = '.tidemark-demo-servers';

/** Where commands look for a system that runs. */
export const HOMES = [OWN_HOME, DEMO_HOME, SERVED_DEMO_HOME] as const;

/** What the demo has by default where the table has something else. The stores of a folder stay where they are. */
const demoDefaults = (isServed: boolean) => ({
  TIDEMARK_HOME: isServed ? SERVED_DEMO_HOME : DEMO_HOME,
  TIDEMARK_BATCH_SCHEDULE: '*/30 * * * * *',
});

type Env = Readonly<Record<string, string | undefined>>;

/** The variables that are set; an empty one is an absent one. */
export const given = (env: Env): Env => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

/** The servers that a system brings along, from its setting. */
export const serversOf = ({ on }: Pick<UpSettings, 'on'>): readonly ServerName[] =>
  (['kafka', 'cassandra'] as const).filter((name) => on?.split(',').includes(name) === true);

/**
 * Reads what `up` was given. Without a currency or servers named, a folder keeps those it was made with; the demo has a
 * folder and a schedule of its own. A store that is both brought along and given by a URL is a mistake.
 */
export function readUpSettings(env: Env, flags: Readonly<Record<string, unknown>>, isDemo: boolean): UpSettings {
  const set = given(env);
  const isServed = flags.on !== undefined || set.TIDEMARK_ON !== undefined;
  const withDefaults = { ...(isDemo ? demoDefaults(isServed) : {}), ...set };
  const first = readOptions(UP_OPTIONS, { env: withDefaults, flags });
  const known = storedIdentity(first.home);
  const stored = known === null ? {} : { TIDEMARK_CURRENCY: known.currency, TIDEMARK_ON: known.on.join(',') };
  const settings = readOptions(UP_OPTIONS, { env: { ...stored, ...withDefaults }, flags });
  const servers = serversOf(settings);
  const twice = [
    ...(servers.includes('kafka') && settings.logUrl !== undefined ? ['TIDEMARK_LOG_URL contradicts --on kafka'] : []),
    ...(servers.includes('cassandra') && settings.viewsUrl !== undefined
      ? ['TIDEMARK_VIEWS_URL contradicts --on cassandra']
      : []),
  ];
  if (twice.length > 0) throw new ConfigurationError(twice);
  return settings;
}

import {
  clusterUrl,
  currency,
  duration,
  folder,
  folderUrl,
  integer,
  type OptionType,
  oneOf,
  schedule,
  text,
  url,
} from './option-type.ts';

/** One setting. The flag is the environment name without `TIDEMARK_`: `TIDEMARK_LOG_URL` is `--log-url`. */
export type OptionDeclaration<T extends string | number> = {
  readonly env: `TIDEMARK_${string}`;
  /** As text, read as if it had been given; null: without one the setting is absent. */
  readonly default: string | null;
  readonly help: string;
  readonly type: OptionType<T>;
};

function withDefault<T extends string | number>(
  env: `TIDEMARK_${string}`,
  byDefault: string,
  type: OptionType<T>,
  help: string,
) {
  return { env, default: byDefault, type, help } as const;
}

function optional<T extends string | number>(env: `TIDEMARK_${string}`, type: OptionType<T>, help: string) {
  return { env, default: null, type, help } as const;
}

const POSTGRES = ['postgres:', 'postgresql:'] as const;
const POSTGRES_SHAPE = 'postgres://user:password@host:port/database';
const postgresUrl = url(POSTGRES_SHAPE, ...POSTGRES);
const logUrl = clusterUrl(`${POSTGRES_SHAPE} or kafka://host:port,host:port/topic`, POSTGRES, ['kafka:']);
const viewsUrl = clusterUrl(
  `${POSTGRES_SHAPE} or cassandra://host:port,host?dc=datacenter1&keyspace=tidemark`,
  POSTGRES,
  ['cassandra:'],
);

/** Every setting there is. Help, flags, environment names and the documentation follow from this table. */
export const OPTIONS = {
  home: withDefault('TIDEMARK_HOME', '.tidemark', folder, 'Data folder of the embedded stores.'),
  host: withDefault(
    'TIDEMARK_HOST',
    '127.0.0.1',
    text('an address or host name', /^[A-Za-z0-9._:-]+$/),
    'Address the HTTP servers listen on.',
  ),
  port: withDefault('TIDEMARK_PORT', '8080', integer(0, 65_535), 'Port of the HTTP API; 0 takes a free one.'),
  currency: withDefault('TIDEMARK_CURRENCY', 'USD', currency, 'The one currency of the system; stored at first start.'),
  logUrl: optional('TIDEMARK_LOG_URL', logUrl, 'Event log. Absent: the embedded PostgreSQL of the data folder.'),
  viewsUrl: optional('TIDEMARK_VIEWS_URL', viewsUrl, 'Views. Absent: the embedded PostgreSQL of the data folder.'),
  on: optional(
    'TIDEMARK_ON',
    text('kafka, cassandra or kafka,cassandra', /^(kafka|cassandra|kafka,cassandra|cassandra,kafka)$/),
    'Real servers that the system brings along on this machine: kafka for the log, cassandra for the views. Decided at its first start.',
  ),
  lakeUrl: optional('TIDEMARK_LAKE_URL', folderUrl, 'Master dataset. Absent: a folder in the data folder.'),
  catalogUrl: optional(
    'TIDEMARK_CATALOG_URL',
    postgresUrl,
    'Catalog. Absent: the embedded PostgreSQL of the data folder.',
  ),
  engine: withDefault('TIDEMARK_ENGINE', 'duckdb', oneOf('duckdb'), 'Batch engine.'),
  engineMemory: withDefault(
    'TIDEMARK_ENGINE_MEMORY',
    '2GB',
    text('a size such as 512MB or 2GB', /^[1-9]\d{0,8}(MB|GB)$/),
    'Memory that the batch engine, or an import, may use before it spills to disk.',
  ),
  engineThreads: withDefault('TIDEMARK_ENGINE_THREADS', '2', integer(1, 256), 'Threads of the batch engine.'),
  apiUrl: optional(
    'TIDEMARK_API_URL',
    url('http://host:port or https://host:port', 'http:', 'https:'),
    'HTTP API that commands ask. Absent: the one of the data folder.',
  ),
  batchSchedule: withDefault(
    'TIDEMARK_BATCH_SCHEDULE',
    '0 0 * * * *',
    schedule,
    'When the batch layer runs: cron, seconds first, in UTC.',
  ),
  generations: withDefault('TIDEMARK_GENERATIONS', '3', integer(2, 1000), 'Generations kept readable, to go back to.'),
  partitions: withDefault('TIDEMARK_PARTITIONS', '4', integer(1, 1024), 'Partitions of a new event log.'),
  barrierDistanceMs: withDefault(
    'TIDEMARK_BARRIER_DISTANCE',
    '10s',
    duration(0, 3_600_000),
    'Least time between two barriers; the length of the repeat window follows from it.',
  ),
  floorGraceMs: withDefault(
    'TIDEMARK_FLOOR_GRACE',
    '30s',
    duration(0, 3_600_000),
    'Time between raising the floor and deleting what is below it.',
  ),
  stateCache: withDefault(
    'TIDEMARK_STATE_CACHE',
    '100000',
    integer(1, 100_000_000),
    'Customers whose states the speed layer holds in memory.',
  ),
  gatherMs: withDefault(
    'TIDEMARK_GATHER_MS',
    '200',
    integer(0, 60_000),
    'How long the speed layer gathers under load before it writes, in milliseconds; far behind, a tenth of its lag.',
  ),
  demoSeed: withDefault(
    'TIDEMARK_DEMO_SEED',
    '42',
    integer(0, 1_000_000_000),
    "Seed of the demo's shop; decided at its first start.",
  ),
  demoHistory: withDefault(
    'TIDEMARK_DEMO_HISTORY',
    '100000',
    integer(0, 10_000_000),
    "Events of the demo's history; decided at its first start.",
  ),
  demoRate: withDefault(
    'TIDEMARK_DEMO_RATE',
    '20',
    integer(0, 10_000),
    'Records a second that the demo sends while it runs.',
  ),
  metricsPort: withDefault(
    'TIDEMARK_METRICS_PORT',
    '0',
    integer(0, 65_535),
    "Port of an app's own /metrics and /healthz; 0 turns them off.",
  ),
  stallMs: withDefault(
    'TIDEMARK_STALL_AFTER',
    '2m',
    duration(1_000, 86_400_000),
    'How long a partition may stand still while the log has more, until the speed layer calls itself unhealthy.',
  ),
  handOverMs: withDefault(
    'TIDEMARK_HAND_OVER',
    '20s',
    duration(0, 600_000),
    'How long the serving layer still says it is ready after another definition was switched to, until balancers see its servers.',
  ),
  keepMs: withDefault(
    'TIDEMARK_KEEP',
    '24h',
    duration(0, 90 * 86_400_000),
    'How long a definition that is switched from can be gone back to.',
  ),
  levelWaitMs: withDefault(
    'TIDEMARK_LEVEL_WAIT',
    '10s',
    duration(0, 3_600_000),
    'How long a switch waits for the speed view of the other definition to come level.',
  ),
  drainMs: withDefault(
    'TIDEMARK_DRAIN',
    '0s',
    duration(0, 300_000),
    'How long the serving layer, told to stop, still answers while /readyz says no, so that balancers send no more.',
  ),
  logLevel: withDefault(
    'TIDEMARK_LOG_LEVEL',
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
    'Least severe level that is logged.',
  ),
} as const satisfies Record<string, OptionDeclaration<string | number>>;

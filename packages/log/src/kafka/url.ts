import { readFileSync } from 'node:fs';
import { LogError } from '../error.ts';
import { CODECS, type CodecName } from './codecs.ts';

export type Address = { readonly host: string; readonly port: number };

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

export type Sasl = {
  [M in SaslMechanism]: { readonly mechanism: M; readonly username: string; readonly password: string };
}[SaslMechanism];

export type Tls = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

/** How a topic is made when it is not there. What is left out has a default that depends on the brokers. */
export type TopicSettings = {
  readonly partitions?: number;
  readonly replication?: number;
  readonly minIsr?: number;
  /** Null: records are kept until Tidemark itself truncates the topic. */
  readonly retentionHours: number | null;
};

export type KafkaUrl = {
  readonly brokers: readonly Address[];
  readonly topic: string;
  readonly sasl: Sasl | null;
  readonly tls: Tls | null;
  readonly compression: CodecName;
  readonly topicSettings: TopicSettings;
};

const DEFAULT_PORT = 9092;
const SHAPE = /^kafka:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^/?#@]+)(?:\/(?<topic>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;
const MECHANISMS: readonly SaslMechanism[] = ['plain', 'scram-sha-256', 'scram-sha-512'];
const PARAMETERS = [
  ...['sasl', 'tls', 'ca', 'cert', 'key'],
  ...['compression', 'partitions', 'replication', 'min_isr', 'retention_hours'],
];

// The URL itself is never repeated: it may hold a password.
const wrong = (what: string): LogError =>
  new LogError('TIDEMARK_LOG_URL', `${what} A Kafka log is named as kafka://host:9092,host2:9092/customer_events.`);

/**
 * Reads `kafka://[user:password@]host[:9092],host2[:9092]/topic[?…]`; the topic is `customer_events` when left out. User and
 * password are percent-encoded where they hold one of `@ : / ? #`. Parameters:
 *
 * | parameter | value | default |
 * |---|---|---|
 * | `sasl` | `plain`, `scram-sha-256` or `scram-sha-512`: how user and password are shown | none; needed with a user |
 * | `tls` | `true` or `false` | `true` with `ca`, `cert` or `key`, else `false` |
 * | `ca` | path of the authority's certificate (PEM) | those that Node.js trusts |
 * | `cert`, `key` | paths of this client's certificate and key (PEM), both or none | none |
 * | `compression` | of what is appended: `none`, `gzip`, `snappy`, `lz4`, `zstd` | `lz4` |
 * | `partitions` | how many the topic is made with | what the caller says, else 4 |
 * | `replication` | how many brokers keep each partition | 3 with three brokers or more, else 1 |
 * | `min_isr` | how many of them must have a record before it is acknowledged | `replication` − 1, at least 1 |
 * | `retention_hours` | records older than this are forgotten, landed or not | kept until landed and folded |
 *
 * The last four, and they alone, only matter when the topic is made. Throws `TIDEMARK_LOG_URL` and says what is wrong.
 */
export function parseKafkaUrl(url: string): KafkaUrl {
  const parts = SHAPE.exec(url)?.groups;
  if (parts === undefined) throw wrong('The URL has not the shape of a Kafka log.');
  const query = new URLSearchParams(parts.query ?? '');
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.includes(name)) throw wrong(`There is no parameter "${name}": use ${PARAMETERS.join(', ')}.`);
    if (query.getAll(name).length > 1) throw wrong(`The parameter ${name} is given twice.`);
  }
  const topic = parts.topic || 'customer_events';
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(topic) || /^\.\.?$/.test(topic)) {
    throw new LogError(
      'TIDEMARK_LOG_BAD_TOPIC',
      `"${topic}" can't be a topic of Kafka: use letters, digits, . _ and -.`,
    );
  }
  return {
    brokers: (parts.hosts ?? '').split(',').map(addressOf),
    topic,
    sasl: saslOf(parts.user, query.get('sasl')),
    tls: tlsOf(query),
    compression: oneOf(CODECS, 'compression', query.get('compression') ?? 'lz4'),
    topicSettings: topicSettingsOf(query),
  };
}

function addressOf(text: string): Address {
  const parts = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s]+))(?::(?<port>[0-9]{1,5}))?$/.exec(text)?.groups;
  const host = parts?.v6 ?? parts?.host;
  const port = Number(parts?.port ?? DEFAULT_PORT);
  if (host === undefined || port < 1 || port > 65_535) throw wrong(`"${text}" is no host:port.`);
  return { host, port };
}

function saslOf(user: string | undefined, sasl: string | null): Sasl | null {
  if (sasl === null && user === undefined) return null;
  if (sasl === null) throw wrong(`With a user say how it is shown: sasl=${MECHANISMS.join(' or sasl=')}.`);
  const mechanism = oneOf(MECHANISMS, 'sasl', sasl);
  const [username, password] = user?.split(/:(.*)/s) ?? [];
  if (!username || !password) throw wrong(`sasl=${mechanism} needs user:password@ before the first host.`);
  try {
    return { mechanism, username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw wrong('User or password are not percent-encoded as a URL needs it (% itself is %25).');
  }
}

function tlsOf(query: URLSearchParams): Tls | null {
  const files = ['ca', 'cert', 'key'].filter((name) => query.has(name));
  const isOn = oneOf(['true', 'false'], 'tls', query.get('tls') ?? String(files.length > 0)) === 'true';
  if (!isOn && files.length > 0) throw wrong(`tls=false contradicts ${files.join(' and ')}.`);
  if (!isOn) return null;
  if (query.has('cert') !== query.has('key')) throw wrong('cert and key go together.');
  const read = (name: string) => {
    try {
      return { [name]: readFileSync(query.get(name) ?? '') };
    } catch (cause) {
      const reason = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
      throw wrong(`${name}=${query.get(name)} can't be read${reason}.`);
    }
  };
  return Object.assign({}, ...files.map(read));
}

function topicSettingsOf(query: URLSearchParams): TopicSettings {
  const whole = (parameter: string) => {
    const text = query.get(parameter);
    if (text === null) return null;
    if (!/^[1-9][0-9]{0,5}$/.test(text)) throw wrong(`${parameter}=${text} is no whole number from 1.`);
    return Number(text);
  };
  const [partitions, replication, minIsr] = [whole('partitions'), whole('replication'), whole('min_isr')];
  if (replication !== null && minIsr !== null && minIsr > replication) {
    throw wrong(`min_isr=${minIsr} is more than replication=${replication}: nothing could be appended.`);
  }
  return {
    ...(partitions === null ? {} : { partitions }),
    ...(replication === null ? {} : { replication }),
    ...(minIsr === null ? {} : { minIsr }),
    retentionHours: whole('retention_hours'),
  };
}

function oneOf<T extends string>(values: readonly T[], parameter: string, value: string): T {
  const found = values.find((each) => each === value);
  if (found === undefined) throw wrong(`${parameter}=${value} is none of ${values.join(', ')}.`);
  return found;
}

import { setTimeout as pause } from 'node:timers/promises';
import { LogError } from '../error.ts';

const REFUSALS = [
  ...['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'],
  'UNSUPPORTED_SASL_MECHANISM',
];
/** What the cluster's own rules or its size forbid. */
const RULES = [
  ...['INVALID_PARTITIONS', 'INVALID_REPLICATION_FACTOR', 'INVALID_CONFIG'],
  ...['INVALID_TOPIC_EXCEPTION', 'POLICY_VIOLATION', 'INVALID_REQUEST'],
];
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];
const TOO_OLD = ['UNSUPPORTED_VERSION', 'UNSUPPORTED_FOR_MESSAGE_FORMAT'];
/** What no member of a group gets over by trying again. */
const NO_MEMBER = [
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'GROUP_MAX_SIZE_REACHED',
];
/** OpenSSL's and Node's codes of a certificate that does not stand, and of a peer that speaks no TLS or wants more of it. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/;
/** kafkajs calls whatever goes wrong while it authenticates a failed authentication, a broken connection too. */
const BROKEN = /Closed connection|Connection (error|timeout|closed)|Not connected|timed out/;

/** kafkajs wraps errors in others, each time it gives up trying: what it was in the end. */
function rootOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) return rootOf(error.errors[0]);
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

const textOf = (error: unknown, property: 'type' | 'code' | 'name'): string => {
  const value: unknown = error instanceof Error ? Reflect.get(error, property) : '';
  return typeof value === 'string' ? value : '';
};

/** Kafka's name of the error that a broker answered, such as `OFFSET_OUT_OF_RANGE`; empty for other errors. */
export const brokerError = (error: unknown): string => textOf(rootOf(error), 'type');

/** Whether trying again is of no use before somebody corrects the settings or the rights. */
function isRefusal(root: unknown): boolean {
  const isLogin = textOf(root, 'name') === 'KafkaJSSASLAuthenticationError';
  if (isLogin) return root instanceof Error && !BROKEN.test(root.message);
  return REFUSALS.includes(textOf(root, 'type')) || TLS_CODES.test(textOf(root, 'code'));
}

/** Whether the same may work a little later: a connection that broke, a leader that is not elected yet. */
export function isTransient(error: unknown): boolean {
  if (error instanceof LogError) return error.retryable;
  const root = rootOf(error);
  const isFinal = [...RULES, ...TOO_LARGE, ...TOO_OLD, ...NO_MEMBER].includes(textOf(root, 'type'));
  if (isFinal || isRefusal(root)) return false;
  // The second is kafkajs's word for a connection that is not made yet.
  return /^KafkaJS/.test(textOf(root, 'name')) || (root instanceof Error && root.message === 'Broker not connected');
}

/** What callers are told of an error of Kafka or kafkajs; a defect stays what it is. */
export function toLogError(cause: unknown): unknown {
  if (cause instanceof LogError) return cause;
  const root = rootOf(cause);
  const message = root instanceof Error ? `${textOf(root, 'type')} ${root.message}`.trim() : String(root);
  if (isRefusal(root)) return new LogError('TIDEMARK_LOG_ACCESS', `Kafka refuses: ${message}.`, { cause });
  if (RULES.includes(textOf(root, 'type'))) {
    return new LogError('TIDEMARK_LOG_BAD_TOPIC', `Kafka does not make the topic so: ${message}.`, { cause });
  }
  if (TOO_OLD.includes(textOf(root, 'type'))) {
    return new LogError('TIDEMARK_LOG_URL', `${message}. Use Apache Kafka 3.1 or newer.`, { cause });
  }
  if (TOO_LARGE.includes(textOf(root, 'type'))) {
    const advice = "A record is over the topic's own limit. Raise its max.message.bytes to 2 MiB.";
    return new LogError('TIDEMARK_LOG_RECORD_TOO_LARGE', advice, { cause });
  }
  if (!isTransient(cause)) return root;
  return new LogError('TIDEMARK_LOG_UNAVAILABLE', `Kafka can't be reached just now: ${message}`, { cause });
}

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;

/** Tries until it succeeds, for so long as the reason is one that passes; then throws what callers are told of it. */
export async function persist<T>(withinMs: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || performance.now() + pauseMs > deadline || signal?.aborted) throw toLogError(error);
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

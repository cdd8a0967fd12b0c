import { LogError } from '../error.ts';
import { isProtocolError, ProtocolError } from './wire/protocol-error.ts';

const REFUSALS = ['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'];
/** What the cluster's own rules or its size forbid. */
const RULES = [
  ...['INVALID_PARTITIONS', 'INVALID_REPLICATION_FACTOR', 'INVALID_CONFIG'],
  ...['INVALID_TOPIC_EXCEPTION', 'POLICY_VIOLATION'],
];
/** OpenSSL's and Node's codes of a certificate that does not stand, and of a peer that speaks no TLS or wants more of it. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** kafkajs calls whatever goes wrong while it authenticates a failed authentication, a broken connection too. */
const BROKEN = /Closed connection|Connection (error|timeout|closed)|Not connected|connection was closed|timed out/;

const isRefusedLogin = (error: unknown): boolean =>
  error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError' && !BROKEN.test(error.message);

/** Whether trying again is of no use before somebody corrects the settings or the rights. */
const isRefusal = (error: unknown): boolean =>
  isProtocolError(error, ...REFUSALS) || isRefusedLogin(error) || TLS_CODES.test(codeOf(error));

/** Whether the same may work a little later: a connection that broke, a leader that is not elected yet. */
export function isTransient(error: unknown): boolean {
  if (error instanceof LogError) return error.retryable;
  if (error instanceof ProtocolError) return error.isTransient;
  return !isRefusal(error) && /^(KafkaJS.*|LinkClosedError)$/.test(nameOf(error));
}

/** What callers are told of an error of Kafka or kafkajs; a defect stays what it is. */
export function toLogError(error: unknown): unknown {
  if (error instanceof LogError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isRefusal(error)) {
    return new LogError('TIDEMARK_LOG_ACCESS', `Kafka refuses: ${message}.`, { cause: error });
  }
  if (isProtocolError(error, ...RULES)) {
    return new LogError('TIDEMARK_LOG_BAD_TOPIC', `Kafka does not make the topic so: ${message}.`, { cause: error });
  }
  if (isProtocolError(error, 'UNSUPPORTED_VERSION')) {
    return new LogError('TIDEMARK_LOG_URL', `${message}. Use Apache Kafka 3.1 or newer.`, { cause: error });
  }
  if (isProtocolError(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) {
    return new LogError(
      'TIDEMARK_LOG_RECORD_TOO_LARGE',
      "A record is over the topic's own limit. Raise its max.message.bytes to 2 MiB.",
      { cause: error },
    );
  }
  if (isTransient(error)) {
    return new LogError('TIDEMARK_LOG_UNAVAILABLE', `Kafka can't be reached just now: ${message}`, { cause: error });
  }
  return error;
}

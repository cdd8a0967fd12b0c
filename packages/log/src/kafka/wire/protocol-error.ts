/** What of Kafka's error codes this adapter tells apart: its name, and whether the same may work a little later. */
const KNOWN: ReadonlyMap<number, readonly [name: string, isTransient: boolean]> = new Map([
  [-1, ['UNKNOWN_SERVER_ERROR', true]],
  [1, ['OFFSET_OUT_OF_RANGE', false]],
  [2, ['CORRUPT_MESSAGE', true]],
  [3, ['UNKNOWN_TOPIC_OR_PARTITION', true]],
  [5, ['LEADER_NOT_AVAILABLE', true]],
  [6, ['NOT_LEADER_OR_FOLLOWER', true]],
  [7, ['REQUEST_TIMED_OUT', true]],
  [8, ['BROKER_NOT_AVAILABLE', true]],
  [9, ['REPLICA_NOT_AVAILABLE', true]],
  [10, ['MESSAGE_TOO_LARGE', false]],
  [13, ['NETWORK_EXCEPTION', true]],
  [14, ['COORDINATOR_LOAD_IN_PROGRESS', true]],
  [15, ['COORDINATOR_NOT_AVAILABLE', true]],
  [16, ['NOT_COORDINATOR', true]],
  [17, ['INVALID_TOPIC_EXCEPTION', false]],
  [18, ['RECORD_LIST_TOO_LARGE', false]],
  [19, ['NOT_ENOUGH_REPLICAS', true]],
  [20, ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', true]],
  [22, ['ILLEGAL_GENERATION', false]],
  [23, ['INCONSISTENT_GROUP_PROTOCOL', false]],
  [24, ['INVALID_GROUP_ID', false]],
  [25, ['UNKNOWN_MEMBER_ID', false]],
  [26, ['INVALID_SESSION_TIMEOUT', false]],
  [27, ['REBALANCE_IN_PROGRESS', false]],
  [29, ['TOPIC_AUTHORIZATION_FAILED', false]],
  [30, ['GROUP_AUTHORIZATION_FAILED', false]],
  [31, ['CLUSTER_AUTHORIZATION_FAILED', false]],
  [35, ['UNSUPPORTED_VERSION', false]],
  [36, ['TOPIC_ALREADY_EXISTS', false]],
  [37, ['INVALID_PARTITIONS', false]],
  [38, ['INVALID_REPLICATION_FACTOR', false]],
  [40, ['INVALID_CONFIG', false]],
  [41, ['NOT_CONTROLLER', true]],
  [44, ['POLICY_VIOLATION', false]],
  [45, ['OUT_OF_ORDER_SEQUENCE_NUMBER', false]],
  [46, ['DUPLICATE_SEQUENCE_NUMBER', false]],
  [47, ['INVALID_PRODUCER_EPOCH', false]],
  [51, ['CONCURRENT_TRANSACTIONS', true]],
  [56, ['KAFKA_STORAGE_ERROR', true]],
  [59, ['UNKNOWN_PRODUCER_ID', false]],
  [74, ['FENCED_LEADER_EPOCH', true]],
  [75, ['UNKNOWN_LEADER_EPOCH', true]],
  [78, ['OFFSET_NOT_AVAILABLE', true]],
  [79, ['MEMBER_ID_REQUIRED', false]],
  [81, ['GROUP_MAX_SIZE_REACHED', false]],
  [87, ['INVALID_RECORD', false]],
  [89, ['THROTTLING_QUOTA_EXCEEDED', true]],
  [100, ['UNKNOWN_TOPIC_ID', true]],
  [103, ['INCONSISTENT_TOPIC_ID', true]],
]);

/** A broker answered, and said no. */
export class ProtocolError extends Error {
  readonly code: string;
  /** Whether the same may work once leaders, coordinators or metadata have settled. */
  readonly isTransient: boolean;

  constructor(number: number, what: string) {
    const [name, isTransient] = KNOWN.get(number) ?? [`KAFKA_ERROR_${number}`, false];
    super(`${what}: ${name}`);
    this.name = 'ProtocolError';
    this.code = name;
    this.isTransient = isTransient;
  }
}

/** Throws for every number but 0. */
export function failOn(number: number, what: string): void {
  if (number !== 0) throw new ProtocolError(number, what);
}

export const isProtocolError = (error: unknown, ...codes: readonly string[]): error is ProtocolError =>
  error instanceof ProtocolError && (codes.length === 0 || codes.includes(error.code));

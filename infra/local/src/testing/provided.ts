import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the run's Kafka; null when Java or Maven is missing. From `kafkaServer` of vitest.shared.mjs. */
    kafka: string | null;
    /** `host:port` of the run's Cassandra, data centre `datacenter1`; null when Java or Maven is missing. */
    cassandra: string | null;
  }
}

import { LogError } from './error.ts';
import type { EventLog } from './port.ts';
import { openPostgresLog } from './postgres/index.ts';

/** The event log a URL names. `partitions` is how many a new log is made with. */
export async function openLog(url: string, options: { readonly partitions?: number } = {}): Promise<EventLog> {
  if (/^postgres(ql)?:/.test(url)) return openPostgresLog(url, options);
  if (/^kafka:/.test(url)) {
    // Kafka's client and the codecs are loaded by those alone who use them.
    const { openKafkaLog } = await import('./kafka/index.ts');
    return openKafkaLog(url, options);
  }
  throw new LogError(
    'TIDEMARK_LOG_URL',
    `There is no event log for ${url.split(':')[0]}: URLs. Use postgres://… or kafka://….`,
  );
}

import pg from 'pg';
import { quoteIdentifier } from './identifier.ts';
import { connectionConfig } from './pool.ts';

export type ListenerOptions = {
  readonly applicationName: string;
  readonly channel: string;
  readonly onNotification: (payload: string) => void;
  /** Called at each connection, the first too: notifications from before it are lost. */
  readonly onConnected: () => void;
};

export type Listener = { close(): Promise<void> };

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/** Keeps one connection that LISTENs to a channel, and makes it again when it breaks. Never throws: it only notifies. */
export function openListener(url: string, options: ListenerOptions): Listener {
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let retryMs = FIRST_RETRY_MS;

  const again = (broken: pg.Client) => {
    if (client !== broken) return;
    client = null;
    void broken.end().catch(() => {});
    if (closed) return;
    timer = setTimeout(connect, retryMs);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
  };

  const connect = () => {
    const made = new pg.Client({
      ...connectionConfig(url, { applicationName: options.applicationName }),
      // A dead peer must not look like a quiet one for long.
      keepAliveInitialDelayMillis: 5_000,
    });
    client = made;
    made.on('error', () => again(made));
    made.on('end', () => again(made));
    made.on('notification', (message) => options.onNotification(message.payload ?? ''));
    made
      .connect()
      .then(() => made.query(`LISTEN ${quoteIdentifier(options.channel)}`))
      .then(() => {
        retryMs = FIRST_RETRY_MS;
        options.onConnected();
      })
      .catch(() => again(made));
  };

  connect();
  return {
    close: async () => {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      const last = client;
      client = null;
      await last?.end().catch(() => {});
    },
  };
}

import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino';
import { redactSecrets } from './secret.ts';

export type { Logger } from 'pino';

/** Fields that name a customer or carry what a record says. They are only logged at debug level and below. */
const PRIVATE_FIELDS: ReadonlySet<string> = new Set([
  'customer',
  'customerId',
  'customerIds',
  'customer_id',
  'customer_ids',
  'payload',
  'payloads',
  'bytes',
  'event',
  'events',
  'record',
  'records',
  'row',
  'rows',
  'state',
]);

const DEPTH_MAX = 6;

/** Pino's number of the level. */
const DEBUG = 20;

/**
 * JSON on stderr, one line an event, each with the app's name and an ISO time. Written synchronously, so that the last words
 * of a process that exits are there. Passwords in URLs are redacted wherever they stand; private fields above debug, unless
 * they are numbers (which are counts). Bigints become decimal strings. A child logger's bindings stand on lines of every
 * level, so they must hold nothing private.
 */
export function createLogger(options: {
  readonly app: string;
  readonly level: string;
  readonly destination?: DestinationStream;
}): Logger {
  const stream = options.destination ?? destination({ dest: 2, sync: true });
  return pino(
    {
      base: { app: options.app, pid: process.pid },
      level: options.level,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are made loggable with everything else, below.
      serializers: { err: (value: unknown) => value },
      hooks: {
        logMethod(args, method, level) {
          const [first, ...rest] = args.map((arg) => loggable(arg, level <= DEBUG, 0));
          method.apply(this, [first, ...rest] as Parameters<typeof method>);
        },
      },
    },
    { write: (line) => stream.write(redactSecrets(line)) },
  );
}

function loggable(value: unknown, open: boolean, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Map) return loggable(Object.fromEntries(value), open, depth);
  if (value instanceof Set) return loggable([...value], open, depth);
  if (Array.isArray(value)) return value.map((item) => loggable(item, open, depth + 1));
  const fields = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, loggableField(key, item, open, depth)]),
  );
  if (!(value instanceof Error)) return fields;
  const { type, message, stack } = stdSerializers.err(value);
  return { ...fields, type, message, stack };
}

function loggableField(key: string, value: unknown, open: boolean, depth: number): unknown {
  const hidden = !open && PRIVATE_FIELDS.has(key) && typeof value !== 'number' && typeof value !== 'bigint';
  return hidden ? '[private]' : loggable(value, open, depth + 1);
}

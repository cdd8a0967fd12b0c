import type { ISocketFactory } from 'kafkajs';
import Connection, { type InternalLogger } from 'kafkajs/src/network/connection.js';
import { apiVersions, type Versions } from './requests/api-versions.ts';
import type { Address } from './requests/metadata.ts';
import type { Sasl, Tls } from './url.ts';
import { ByteReader } from './wire/byte-reader.ts';
import { ByteWriter } from './wire/byte-writer.ts';
import { ProtocolError } from './wire/protocol-error.ts';
import type { Request } from './wire/request.ts';

/**
 * This file and `kafkajs.d.ts` are the only ones that know kafkajs's insides, whose version is pinned; `link.kafka.test.ts`
 * holds what we rely on. From there come sockets, TLS, SASL with its re-authentication, framing, timeouts and throttling.
 * Its consumer and producer are not used, since they can't keep what the port promises: no reading by offset without a
 * group, an offset out of range answered by moving it silently (#1119), heartbeats from the handler's turns alone (#1396),
 * one slow partition holding up its broker's others (#1732), everything revoked at each rebalance, sequences that go wrong
 * after a lost acknowledgement, and no topic ids.
 */
export type Link = {
  readonly isOpen: boolean;
  /** Rejects with a `ProtocolError` when the broker refuses, with another error when it can't be asked. */
  send<T>(request: Request<T>): Promise<T>;
  /** Ends at once; what is not answered yet rejects. */
  close(): void;
};

export type LinkOptions = {
  readonly clientId: string;
  readonly sasl: Sasl | null;
  readonly tls: Tls | null;
  readonly socketFactory: ISocketFactory;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** The least that kafkajs waits for any answer; each request says how long it may take itself. */
const MIN_TIMEOUT_MS = 1_000;

const silent: InternalLogger = {
  namespace: () => silent,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

export class LinkClosedError extends Error {
  override readonly name = 'LinkClosedError';
}

/** Connects and authenticates. */
export async function openLink(address: Address, options: LinkOptions): Promise<Link> {
  const connection = new Connection({
    ...address,
    clientId: options.clientId,
    logger: silent,
    socketFactory: options.socketFactory,
    ssl: options.tls,
    // A copy, because kafkajs keeps its authenticator in it.
    sasl: options.sasl && { ...options.sasl },
    requestTimeout: MIN_TIMEOUT_MS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
  });
  restWhenIdle(connection);
  try {
    await connection.connect();
    const versions = await send(connection, apiVersions);
    connection.setVersions(
      Object.fromEntries([...versions].map(([key, { min, max }]) => [key, { minVersion: min, maxVersion: max }])),
    );
    connection.setSupportAuthenticationProtocol(true);
    await connection.authenticate();
    return linkOver(connection, versions);
  } catch (error) {
    close(connection);
    throw error;
  }
}

/** kafkajs looks for waiting requests every millisecond, for ever (#1751): here only when there are any. */
function restWhenIdle({ requestQueue }: Connection): void {
  const look = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) look();
  };
}

function linkOver(connection: Connection, versions: Versions): Link {
  return {
    get isOpen() {
      return connection.isConnected();
    },
    send: async (request) => {
      const known = versions.get(request.apiKey);
      if (known === undefined || request.version < known.min || request.version > known.max) {
        throw new ProtocolError(
          35,
          `${request.name} ${request.version}: the broker is older than Kafka 3.1, or not Kafka`,
        );
      }
      return send(connection, request);
    },
    close: () => close(connection),
  };
}

function send<T>(connection: Connection, request: Request<T>): Promise<T> {
  return connection.send<T>({
    request: {
      apiKey: request.apiKey,
      apiVersion: request.version,
      apiName: request.name,
      encode: async () => {
        const writer = new ByteWriter();
        // kafkajs writes the older header; a flexible version's has tagged fields behind it.
        if (request.isFlexible) writer.noTags();
        request.write(writer);
        const buffer = writer.finish();
        return { buf: buffer, buffer };
      },
    },
    response: {
      decode: async (payload) => {
        const reader = new ByteReader(payload);
        if (request.isFlexible) reader.skipTags();
        return { value: request.read(reader) };
      },
      parse: async ({ value }) => value,
    },
    requestTimeout: request.timeoutMs,
  });
}

/** kafkajs's own `disconnect` waits for answers that may never come. */
function close(connection: Connection): void {
  connection.requestQueue.rejectAll(new LinkClosedError('The connection was closed.'));
  connection.requestQueue.destroy();
  connection.socket?.destroy();
  void connection.disconnect();
}

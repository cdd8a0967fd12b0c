/** What `link.ts` uses of kafkajs's insides, which have no types of their own. Read from kafkajs 2.2.4. */
declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net';
  import type { ISocketFactory } from 'kafkajs';

  type Log = (message: string, extra?: object) => void;
  export type InternalLogger = { namespace(): InternalLogger; debug: Log; info: Log; warn: Log; error: Log };

  export default class Connection {
    constructor(options: {
      host: string;
      port: number;
      clientId: string;
      logger: InternalLogger;
      socketFactory: ISocketFactory;
      ssl: object | null;
      sasl: object | null;
      requestTimeout: number;
      connectionTimeout: number;
    });
    readonly socket: Socket | undefined;
    readonly requestQueue: {
      readonly pending: readonly unknown[];
      scheduleCheckPendingRequests: () => void;
      rejectAll(error: Error): void;
      destroy(): void;
    };
    isConnected(): boolean;
    connect(): Promise<true>;
    authenticate(): Promise<void>;
    setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void;
    setSupportAuthenticationProtocol(isSupported: boolean): void;
    send<T>(protocol: {
      request: {
        apiKey: number;
        apiVersion: number;
        apiName: string;
        encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
      };
      response: { decode(payload: Buffer): Promise<{ value: T }>; parse(decoded: { value: T }): Promise<T> };
      requestTimeout: number;
    }): Promise<T>;
    disconnect(): Promise<true>;
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs';
  export default function socketFactory(): ISocketFactory;
}

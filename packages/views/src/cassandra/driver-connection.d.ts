/** What `stray-answers.ts` uses of the driver's connection, which its types don't tell of. Read from cassandra-driver 4.10.0. */
declare module 'cassandra-driver/lib/connection.js' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** `streamId`: below zero for events. */
  export type FrameHeader = { readonly streamId: number };

  export default class DriverConnection extends EventEmitter {
    constructor(endpoint: string, protocolVersion: number, options: object);
    /** Whether it has shaken hands. */
    readonly connected: boolean;
    readonly netClient: Socket;
    /** What was asked and not yet answered, by stream. */
    readonly _operations: ReadonlyMap<number, unknown>;
    openAsync(): Promise<void>;
    closeAsync(): Promise<void>;
    send(request: object, options: null): Promise<unknown>;
    handleResult(header: FrameHeader, error: unknown, result: unknown): void;
    freeStreamId(header: FrameHeader): void;
  }
}

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** How long one answer may take. */
const ANSWER_MS = 5_000;

/** How many bytes the first frame in the buffer has; null while even that can't be said. */
export type FrameLength = (bytes: Buffer) => number | null;

/** A connection on which one request is answered by one frame: enough to see whether a server answers. */
export class FramedSocket {
  readonly #socket: Socket;
  readonly #lengthOf: FrameLength;

  private constructor(socket: Socket, lengthOf: FrameLength) {
    this.#socket = socket;
    this.#lengthOf = lengthOf;
    // The one who waits for an answer hears of it.
    socket.on('error', () => {});
  }

  static open(host: string, port: number, lengthOf: FrameLength, tls = false): Promise<FramedSocket> {
    // Nothing is sent over it that anybody may not know: whose certificate it is does not matter.
    const socket = tls ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
    return new Promise((done, failed) => {
      const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), ANSWER_MS);
      socket.once('error', failed);
      socket.once('close', () => clearTimeout(timer));
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        done(new FramedSocket(socket, lengthOf));
      });
    });
  }

  /** Sends a request and answers the whole frame that comes back. */
  ask(request: Buffer): Promise<Buffer> {
    const socket = this.#socket;
    return new Promise((done, failed) => {
      let received = Buffer.alloc(0);
      const settle = (act: () => void) => {
        clearTimeout(timer);
        socket.off('data', onData).off('error', onError).off('close', onClose);
        act();
      };
      const onError = (error: Error) => settle(() => failed(error));
      const onClose = () => settle(() => failed(new Error('the connection was closed')));
      const onData = (part: Buffer) => {
        received = Buffer.concat([received, part]);
        const length = this.#lengthOf(received);
        if (length !== null && received.length >= length) settle(() => done(received.subarray(0, length)));
      };
      const timer = setTimeout(() => onError(new Error('no answer in time')), ANSWER_MS);
      socket.on('data', onData).on('error', onError).on('close', onClose);
      socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

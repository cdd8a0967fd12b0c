import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@tidemark/infra-local/testing';

const HOST = '127.0.0.1';
const PATIENT_MS = 120_000;
/** How long a connection whose answers are lost stays open after the first of them: those of one question may be several. */
const DEAF_MS = 300;

/** A kind of request. Whether a part of what a client sends is one: it comes as one part on loopback, mostly. */
export type MeantRequest = { readonly what: string; readonly isMeant: (request: Buffer) => boolean };

type Loss = MeantRequest & { isDone: boolean };

/** One client's connection and the one to the server that it is led to. */
type Pair = { readonly near: Socket; readonly far: Socket };

/** A way to a server on loopback, of which a test says how bad it is. */
export class TcpProxy {
  readonly #server: Server;
  readonly #port: number;
  readonly #pairs = new Set<Pair>();
  /** Losses that have not met their request. */
  readonly #losses = new Set<Loss>();
  #toPort: number | null = null;
  #delayMs = 0;
  #passedBytes = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on('connection', (near: Socket) => this.#take(near));
  }

  /** Listens; whoever comes before it leads anywhere is sent away. */
  static async start(): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    await listen(server, 0);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return new TcpProxy(server, address.port);
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `${HOST}:${this.#port}`;
  }

  /** Bytes that clients got of the server so far. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** To the server at `host:port`, on this machine. */
  leadTo(address: string): void {
    this.#toPort = Number(address.slice(address.lastIndexOf(':') + 1));
  }

  /** Breaks every connection as it stands: what is on its way is lost. Answers how many there were. */
  reset(): number {
    const { size } = this.#pairs;
    for (const pair of this.#pairs) breakOff(pair);
    return size;
  }

  /**
   * Passes the next such request on to the server, and nothing of what that answers from then on; then breaks the
   * connection. Resolves when that is done.
   */
  async loseAnswerTo(request: MeantRequest): Promise<void> {
    const loss: Loss = { ...request, isDone: false };
    this.#losses.add(loss);
    try {
      await eventually(`the answer to ${request.what} is lost`, PATIENT_MS, () => (loss.isDone ? true : null));
    } finally {
      this.#losses.delete(loss);
    }
  }

  /** Whatever is sent from now on, either way, arrives so much later. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Breaks every connection and takes no other until it is opened. */
  async shut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  async open(): Promise<void> {
    await listen(this.#server, this.#port);
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.shut();
  }

  #take(near: Socket): void {
    if (this.#toPort === null) {
      near.destroy();
      return;
    }
    const pair: Pair = { near, far: connect({ port: this.#toPort, host: HOST, allowHalfOpen: true }) };
    const { far } = pair;
    this.#pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => breakOff(pair));
      socket.once('close', () => {
        this.#pairs.delete(pair);
      });
    }
    let deaf: Loss | null = null;
    let isAnswered = false;
    const toServer = this.#carry(near, far);
    const toClient = this.#carry(far, near);
    near.on('data', (request: Buffer) => {
      deaf ??= this.#lossOf(request);
      toServer(request);
    });
    far.on('data', (answer: Buffer) => {
      const loss = deaf;
      if (loss === null) {
        this.#passedBytes += answer.length;
        toClient(answer);
      } else if (!isAnswered) {
        isAnswered = true;
        setTimeout(() => {
          breakOff(pair);
          loss.isDone = true;
        }, DEAF_MS);
      }
    });
    // One that ends before it was answered has not lost an answer: the next such request will.
    near.once('close', () => {
      if (deaf !== null && !isAnswered) this.#losses.add(deaf);
    });
  }

  #lossOf(request: Buffer): Loss | null {
    for (const loss of this.#losses) {
      if (!loss.isMeant(request)) continue;
      this.#losses.delete(loss);
      return loss;
    }
    return null;
  }

  /** Carries in order from one to the other what it is given, and the end; each part as late as the proxy was when it came. */
  #carry(from: Socket, to: Socket): (part: Buffer) => void {
    let before = Promise.resolve();
    const later = (arrive: () => void) => {
      const dueMs = performance.now() + this.#delayMs;
      before = before.then(async () => {
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await pause(waitMs);
        if (!to.destroyed) arrive();
      });
    };
    from.once('end', () => later(() => to.end()));
    return (part) => later(() => to.write(part));
  }
}

function breakOff({ near, far }: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}

async function listen(server: Server, port: number): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(port, HOST);
  await listening;
}

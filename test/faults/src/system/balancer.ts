import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { eventually } from '@tidemark/infra-local/testing';

const ASK_EVERY_MS = 50;
const PATIENT_MS = 120_000;

type Backend = { readonly url: string; isReady: boolean; isAsked: boolean; readonly agent: Agent };

/**
 * A balancer as simple ones are: by turns to every server that says it is ready, over connections that are kept. What a
 * server refuses to take is sent to the next; what it took and did not answer is a failure, and nothing is tried twice.
 */
export class Balancer {
  readonly #backends: readonly Backend[];
  readonly #server: Server;
  readonly #asking: NodeJS.Timeout;
  #turn = 0;

  private constructor(urls: readonly string[]) {
    this.#backends = urls.map((url) => ({
      url,
      isReady: false,
      isAsked: false,
      agent: new Agent({ keepAlive: true }),
    }));
    this.#server = createServer((incoming, response) => void this.#take(incoming, response));
    this.#asking = setInterval(() => {
      for (const backend of this.#backends) void askReady(backend);
    }, ASK_EVERY_MS);
  }

  /** In front of the servers at these URLs. Resolves when so many of them are ready: all, unless told otherwise. */
  static async start(urls: readonly string[], ready = urls.length): Promise<Balancer> {
    const balancer = new Balancer(urls);
    await new Promise<void>((listening) => balancer.#server.listen(0, '127.0.0.1', listening));
    await balancer.sendsTo(ready);
    return balancer;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the balancer does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Resolves when so many servers are ready. */
  async sendsTo(count: number): Promise<void> {
    await eventually(`${count} servers are ready`, PATIENT_MS, () =>
      this.#backends.filter(({ isReady }) => isReady).length === count ? true : null,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#asking);
    for (const { agent } of this.#backends) agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(Buffer.from(part));
    const body = Buffer.concat(parts);
    const turn = this.#turn++;
    for (let tried = 0; tried < this.#backends.length; tried++) {
      const backend = this.#backends[(turn + tried) % this.#backends.length];
      if (backend?.isReady !== true) continue;
      try {
        return await forward(backend, incoming, body, response);
      } catch (error) {
        const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
        if (!isRefused) {
          response.destroy(error instanceof Error ? error : undefined);
          return;
        }
        backend.isReady = false;
      }
    }
    response.writeHead(502).end('no server is ready');
  }
}

/** Resolves when the answer is passed on whole; rejects when the server did not take the request or broke off. */
const forward = (backend: Backend, incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> =>
  new Promise((resolve, reject) => {
    const { agent, url } = backend;
    const { connection: _, ...headers } = incoming.headers;
    const asked = request(`${url}${incoming.url}`, { agent, method: incoming.method, headers });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const { connection: __, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, rest);
      answer.once('error', reject);
      answer.once('end', resolve);
      answer.pipe(response);
    });
    asked.end(body);
  });

/** One question at a time; a server that takes its time to answer stays what it was. */
async function askReady(backend: Backend): Promise<void> {
  if (backend.isAsked) return;
  backend.isAsked = true;
  try {
    backend.isReady = (await fetch(`${backend.url}/readyz`, { headers: { connection: 'close' } })).ok;
  } catch {
    backend.isReady = false;
  } finally {
    backend.isAsked = false;
  }
}

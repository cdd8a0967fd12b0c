import type { PoolClient } from '@tidemark/postgres';

type Connection = {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
};

/** What `pg` calls on a query of one's own; its type declarations know only of `submit`. */
class Copy {
  readonly #text: string;
  readonly #chunks: Iterable<Uint8Array>;
  readonly #done: (error: Error | null, bytes: number) => void;
  #failed: Error | null = null;
  #bytes = 0;

  constructor(text: string, chunks: Iterable<Uint8Array>, done: (error: Error | null, bytes: number) => void) {
    this.#text = text;
    this.#chunks = chunks;
    this.#done = done;
  }

  submit(connection: Pick<Connection, 'query'>): void {
    connection.query(this.#text);
  }

  handleCopyInResponse(connection: Connection): void {
    for (const chunk of this.#chunks) connection.sendCopyFromChunk(chunk);
    connection.endCopyFrom();
  }

  handleCopyData({ chunk }: { readonly chunk: Uint8Array }): void {
    this.#bytes += chunk.length;
  }

  handleError(error: Error): void {
    this.#failed = error;
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done(this.#failed, this.#bytes);
  }
}

const run = (client: PoolClient, text: string, chunks: Iterable<Uint8Array>): Promise<number> =>
  new Promise((resolve, reject) => {
    client.query(new Copy(text, chunks, (error, bytes) => (error ? reject(error) : resolve(bytes))));
  });

/** `COPY … FROM STDIN` of chunks that are ready: the fastest way into a table that PostgreSQL has. */
export async function copyIn(client: PoolClient, text: string, chunks: Iterable<Uint8Array>): Promise<void> {
  await run(client, text, chunks);
}

/** `COPY … TO STDOUT`, the fastest way out of a table. Answers the bytes, which nobody looked at. */
export async function copyOut(client: PoolClient, text: string): Promise<number> {
  return await run(client, text, []);
}

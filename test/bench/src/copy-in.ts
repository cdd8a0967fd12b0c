import type { PoolClient } from '@tidemark/postgres';

type Connection = {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
};

/** What `pg` calls on a query of one's own; its type declarations know only of `submit`. */
class CopyIn {
  readonly #text: string;
  readonly #chunks: Iterable<Uint8Array>;
  readonly #done: (error: Error | null) => void;
  #failed: Error | null = null;

  constructor(text: string, chunks: Iterable<Uint8Array>, done: (error: Error | null) => void) {
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

  handleError(error: Error): void {
    this.#failed = error;
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done(this.#failed);
  }
}

/** `COPY … FROM STDIN` of chunks that are ready: the fastest way into a table that PostgreSQL has. */
export function copyIn(client: PoolClient, text: string, chunks: Iterable<Uint8Array>): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(text, chunks, (error) => (error ? reject(error) : resolve())));
  });
}

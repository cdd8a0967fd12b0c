import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a server on which its answers can be lost: requests still arrive, and nobody hangs up. */
export type DeafProxy = {
  readonly port: number;
  /** From now on no answer comes through, on any connection. */
  deafen(): void;
  /** Breaks all connections; new ones work. */
  heal(): void;
  /** Of the next answer only so many bytes come through, and then the end of its connection. */
  tear(bytes: number): void;
  close(): Promise<void>;
};

export async function deafProxy(toPort: number): Promise<DeafProxy> {
  const sockets = new Set<Socket>();
  let isDeaf = false;
  let tornAt: number | null = null;
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => {
      if (tornAt !== null) {
        near.end(data.subarray(0, tornAt));
        tornAt = null;
      } else if (!isDeaf && !near.writableEnded) near.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    deafen: () => {
      isDeaf = true;
    },
    heal: () => {
      isDeaf = false;
      breakAll();
    },
    tear: (bytes) => {
      tornAt = bytes;
    },
    close: async () => {
      breakAll();
      server.close();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { createServer } from 'node:net';

export type ScriptedServer = { readonly address: string; close(): Promise<void> };

/** A server on loopback that answers each request by what the function makes of it; null leaves it unanswered. */
export async function scriptedServer(answer: (request: Buffer) => Buffer | null): Promise<ScriptedServer> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (request) => {
      const made = answer(request);
      if (made !== null) socket.write(made);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The server listens nowhere.');
  return {
    address: `127.0.0.1:${address.port}`,
    close: async () => {
      server.close();
    },
  };
}

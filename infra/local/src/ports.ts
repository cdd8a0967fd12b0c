import { createServer } from 'node:net';
import { InfraError } from './error.ts';

function listenOnce(host: string, port: number): Promise<number | null> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(null));
    probe.listen({ port, host, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

const isFree = async (hosts: readonly string[], port: number): Promise<boolean> => {
  for (const host of hosts) if ((await listenOnce(host, port)) === null) return false;
  return true;
};

/** A port that nothing listens on, at any of the addresses, and that is none of those taken already. */
export async function freePort(hosts: readonly string[], taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = await listenOnce(hosts[0] ?? '127.0.0.1', 0);
    if (port !== null && !taken.has(port) && (await isFree(hosts, port))) return port;
  }
  throw new InfraError(
    'TIDEMARK_INFRA_PORT',
    `No free port was found on ${hosts.join(', ')}. Are these addresses of this machine? (macOS: sudo ifconfig lo0 alias 127.0.0.11)`,
  );
}

/** The port itself when it is free; throws `TIDEMARK_INFRA_PORT` when something else has it. */
export async function wantedPort(hosts: readonly string[], port: number, option: string): Promise<number> {
  if (await isFree(hosts, port)) return port;
  throw new InfraError(
    'TIDEMARK_INFRA_PORT',
    `Port ${port} on ${hosts.join(', ')} is in use by another program. Stop it, or choose another with ${option}.`,
  );
}

/** The port a folder had before when it is still free, else another. */
export async function rememberedPort(
  hosts: readonly string[],
  port: number | undefined,
  taken: ReadonlySet<number>,
): Promise<number> {
  return port !== undefined && !taken.has(port) && (await isFree(hosts, port)) ? port : freePort(hosts, taken);
}

/** What runs keeps its port: throws `TIDEMARK_INFRA_PORT` when another is asked for. */
export function checkPort(folder: string, running: number | undefined, wanted: number | undefined): void {
  if (wanted === undefined || wanted === running) return;
  throw new InfraError(
    'TIDEMARK_INFRA_PORT',
    `The servers of ${folder} run on port ${running}, not ${wanted}. End them first, or leave the port out.`,
  );
}

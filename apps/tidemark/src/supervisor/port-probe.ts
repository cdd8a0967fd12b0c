import { createServer } from 'node:net';
import { CliError } from '../error.ts';

/** Throws when the API could not listen there: `TIDEMARK_PORT_IN_USE` or `TIDEMARK_HOST`. Found before anything is started. */
export async function probePort(host: string, port: number): Promise<void> {
  const error = await new Promise<Error | null>((done) => {
    const probe = createServer();
    probe.once('error', done);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => done(null)));
  });
  if (error === null) return;
  const code = 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') {
    throw new CliError(
      'TIDEMARK_PORT_IN_USE',
      `Port ${port} on ${host} is in use by another program. Choose another with --port, or let one be found with --port 0.`,
      { cause: error },
    );
  }
  if (code === 'EACCES') {
    throw new CliError(
      'TIDEMARK_HOST',
      `This user may not listen on port ${port}. Choose one above 1023 with --port.`,
      {
        cause: error,
      },
    );
  }
  throw new CliError('TIDEMARK_HOST', `${host} is no address of this machine to listen on (${error.message}).`, {
    cause: error,
  });
}

import { startEmbeddedPostgres } from '../server.ts';

/** A program for the tests that kill the one who started the server: starts it in the folder given, and waits. */
const [folder = '', temporary] = process.argv.slice(2);
const server = await startEmbeddedPostgres({ folder, temporary: temporary === 'temporary' });
process.stdout.write(`${server.pid}\n`);
setInterval(() => {}, 60_000);

import { Command } from 'commander';
import { readable } from './error.ts';

/**
 * The commands, each loaded only when it is asked for (or when help lists them all): stores and engines take longer to
 * load than most answers to come.
 */
const COMMANDS: ReadonlyMap<string, () => Promise<(program: Command) => void>> = new Map([
  ['up', async () => (await import('./commands/up.ts')).upCommand],
  ['import', async () => (await import('./commands/ingest.ts')).importCommand],
  ['send', async () => (await import('./commands/ingest.ts')).sendCommand],
  ['get', async () => (await import('./commands/get.ts')).getCommand],
  ['top', async () => (await import('./commands/top.ts')).topCommand],
  ['batch', async () => (await import('./commands/batch.ts')).batchCommand],
  ['definition', async () => (await import('./commands/definition.ts')).definitionCommand],
  ['rebuild', async () => (await import('./commands/rebuild.ts')).rebuildCommand],
  ['drift', async () => (await import('./commands/drift.ts')).driftCommand],
  ['verify', async () => (await import('./commands/verify.ts')).verifyCommand],
  ['status', async () => (await import('./commands/status.ts')).statusCommand],
  ['dead-letters', async () => (await import('./commands/dead-letters.ts')).deadLettersCommand],
  ['quarantine', async () => (await import('./commands/quarantine.ts')).quarantineCommand],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand],
]);

const HELP = `
Every command finds the system that runs in .tidemark (or in .tidemark-demo), in the folder named by --home or
TIDEMARK_HOME, or by the URLs of its parts.

Exit codes:
  0    done
  1    an error, or a difference found; what to do is said on stderr
  2    a part of the input was refused (send)
  130  stopped by Ctrl-C`;

const program = new Command('tidemark')
  .description('A complete, current and provably consistent view of every customer.')
  .showHelpAfterError('(tidemark COMMAND --help shows what there is)')
  .addHelpText('after', HELP);

const asked = COMMANDS.get(process.argv[2] ?? '');

try {
  for (const load of asked ? [asked] : COMMANDS.values()) (await load())(program);
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`tidemark: ${readable(error)}\n`);
  process.exitCode = 1;
}

import { TidemarkError } from '@tidemark/contracts';
import { configureApp, VALIDATE_FLAG } from '@tidemark/runtime';
import { Command } from 'commander';
import { IMPORT_SETTINGS, importCommand } from './import/import-command.ts';
import { SEND_SETTINGS, sendCommand } from './send/send-command.ts';

// Each command reads its own settings, from flags too. Deployed by itself the app has them all in its environment.
if (process.argv.includes(VALIDATE_FLAG)) {
  configureApp({
    name: 'ingest',
    reads: [...IMPORT_SETTINGS, ...SEND_SETTINGS],
    requires: ['logUrl', 'lakeUrl', 'catalogUrl'],
  });
}

// People reach these commands through the command line of that name, and its help should say so.
const program = new Command('tidemark')
  .description('Brings events into Tidemark: history into the lake, live events into the log.')
  .option(VALIDATE_FLAG, 'check the configuration and exit')
  .addCommand(importCommand())
  .addCommand(sendCommand());

try {
  await program.parseAsync();
} catch (error) {
  const message =
    error instanceof TidemarkError ? `${error.code}: ${error.message}` : error instanceof Error ? error.stack : error;
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

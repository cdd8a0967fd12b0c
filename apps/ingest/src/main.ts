import { TidemarkError } from '@tidemark/contracts';
import { Command } from 'commander';
import { importCommand } from './import/import-command.ts';
import { sendCommand } from './send/send-command.ts';

// People reach these commands through the command line of that name, and its help should say so.
const program = new Command('tidemark')
  .description('Brings events into Tidemark: history into the lake, live events into the log.')
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

import { Command } from 'commander';
import { batchCommand } from './commands/batch.ts';
import { deadLettersCommand } from './commands/dead-letters.ts';
import { doctorCommand } from './commands/doctor.ts';
import { getCommand } from './commands/get.ts';
import { ingestCommands } from './commands/ingest.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { statusCommand } from './commands/status.ts';
import { topCommand } from './commands/top.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';
import { readable } from './error.ts';

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

upCommand(program);
ingestCommands(program);
getCommand(program);
topCommand(program);
batchCommand(program);
verifyCommand(program);
statusCommand(program);
deadLettersCommand(program);
quarantineCommand(program);
doctorCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`tidemark: ${readable(error)}\n`);
  process.exitCode = 1;
}

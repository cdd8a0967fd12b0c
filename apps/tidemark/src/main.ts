import { Command } from 'commander';
import { upCommand } from './commands/up.ts';
import { readable } from './error.ts';

const program = new Command('tidemark').description(
  'A complete, current and provably consistent view of every customer.',
);

upCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`tidemark: ${readable(error)}\n`);
  process.exitCode = 1;
}

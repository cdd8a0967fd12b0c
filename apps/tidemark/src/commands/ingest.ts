import { applyOptions } from '@tidemark/runtime';
import type { Command } from 'commander';
import { handOver } from '../apps/hand-over.ts';
import { appEnv, findSystem, SYSTEM_OPTIONS } from '../system.ts';

/** `import FILE`: the ingest app does the work and knows the flags; here the system is found. */
export function importCommand(program: Command): void {
  handedOver(program, 'import', '[file]', 'Import a file of history into the lake; the next generation shows it.');
}

/** `send`: as `import`. */
export function sendCommand(program: Command): void {
  handedOver(program, 'send', '', 'Append events to the log: NDJSON on stdin, one result a line.');
}

function handedOver(program: Command, name: string, argument: string, description: string): void {
  const command = program
    .command(name)
    .usage(`${argument} [options]`.trim())
    .description(description)
    .allowUnknownOption()
    .allowExcessArguments()
    // Its own help lists its own flags.
    .helpOption(false);
  applyOptions(command, SYSTEM_OPTIONS);
  command.action(async () => {
    const { args } = command;
    const isHelp = args.includes('--help') || args.includes('-h');
    const env = isHelp ? process.env : appEnv(findSystem(process.env, command.opts()));
    process.exitCode = await handOver('ingest', [name, ...args], env);
  });
}

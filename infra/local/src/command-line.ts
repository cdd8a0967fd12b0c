import { Command, InvalidArgumentError } from 'commander';
import { down } from './down.ts';
import { InfraError } from './error.ts';
import { SERVERS, type ServerName } from './shipped.ts';
import { status } from './status.ts';
import { up } from './up.ts';

export const DEFAULT_FOLDER = '.tidemark-infra';

const EXAMPLES = `
Examples:
  npm run infra:up                                    Kafka on 127.0.0.1:9092, Cassandra on 127.0.0.1:9042
  npm run infra:up -- --brokers 3 --nodes 3           three of each; Cassandra on 127.0.0.11 to 127.0.0.13
  npm run infra:up -- --only kafka --kafka-port 9192  Kafka alone, on another port
  npm run infra:status                                what runs and answers
  npm run infra:down                                  ends them; their data stays in the folder

Java 17 and Maven are needed. Exit codes: 0 done (status: all of it answers), 1 not.`;

function count(text: string): number {
  if (/^[1-3]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('1, 2 or 3 is possible.');
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= 65_533) return number;
  throw new InvalidArgumentError('A port is a number from 1 to 65533.');
}

/** `kafka,cassandra`, each once. */
export function serverNames(text: string): readonly ServerName[] {
  const names = text.split(',');
  const known = SERVERS.filter((name) => names.includes(name));
  if (known.length === names.length) return known;
  throw new InvalidArgumentError(`Some of ${SERVERS.join(',')} are possible.`);
}

/** Runs one command to its end; sets the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = new Command('infra')
    .description('Kafka and Cassandra on this machine, without Docker.')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError();
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('--folder <path>', 'where data, logs and settings are kept', DEFAULT_FOLDER)
      .option('--only <servers>', 'kafka or cassandra; both by default', serverNames, SERVERS);
  command('up', 'Start what does not run yet, and wait until it answers.')
    .option('--brokers <number>', 'of Kafka, 1 to 3; by default as many as the folder was made for, else 1', count)
    .option('--nodes <number>', 'of Cassandra, as --brokers', count)
    .option('--kafka-port <port>', 'of the first broker, by default as before, else 9092', port)
    .option('--cassandra-port <port>', 'by default as before, else 9042', port)
    .action(up);
  command('down', 'End what runs. Data stays.').action(down);
  command('status', 'Say what runs and answers.').action(status);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.stderr.write(`\ninfra: ${error instanceof InfraError ? `${error.message} (${error.code})` : error}\n`);
    process.exitCode = 1;
  }
}

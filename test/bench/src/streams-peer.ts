import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findJava, packagedByMaven } from '@tidemark/infra-local';

const PROJECT = fileURLToPath(new URL('../peers/kafka-streams', import.meta.url));

/** What its program is told. */
export type StreamsRequest = {
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
  /** Also its consumer group, whose offsets say how far it is. */
  readonly application: string;
  /** Where its state stores are kept. */
  readonly folder: string;
  readonly threads: number;
  readonly commitMs: number;
  /** Whether rows are written as states change, or only when it is told to show them. */
  readonly rows: boolean;
  readonly table: { readonly contactPoint: string; readonly dataCenter: string; readonly name: string };
};

/** The speed layer's work as a Kafka Streams application: a process that runs. */
export class StreamsPeer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Builds it when that was not done. Throws an `InfraError` where Java or Maven are missing. */
  static async prepare(): Promise<void> {
    findJava();
    await packagedByMaven(PROJECT, { say: (text) => process.stderr.write(`${text}\n`) });
  }

  /** Resolves when it has its partitions. */
  static async start(request: StreamsRequest): Promise<StreamsPeer> {
    const built = await packagedByMaven(PROJECT);
    const classPath = [join(built, 'peer.jar'), join(built, 'lib', '*')].join(':');
    const flags = ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
    const child = spawn(findJava(), [...flags, '-cp', classPath, 'tidemark.peer.Main', JSON.stringify(request)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const peer = new StreamsPeer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await peer.#says('ready');
    return peer;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process was never started');
    return this.#child.pid;
  }

  /** Resolves when all its states are rows. */
  async show(): Promise<void> {
    this.#child.stdin?.write('show\n');
    await this.#says('shown');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin?.end();
    await once(this.#child, 'exit');
  }

  async #says(word: string): Promise<void> {
    const { value, done } = await this.#lines.next();
    if (done || value !== word) throw new Error(`the peer said ${done ? 'nothing more' : value}, not ${word}`);
  }
}

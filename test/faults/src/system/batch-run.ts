import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@tidemark/infra-local/testing';
import { z } from 'zod';

const PATIENT_MS = 120_000;

const outcomeSchema = z.looseObject({ generation: z.int(), status: z.string(), durationMs: z.number() });
export type Outcome = z.output<typeof outcomeSchema>;

/** One run of the batch layer, as a process. */
export class BatchRun {
  readonly #child: ChildProcess;
  readonly #said: () => string;
  readonly #closed: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#said = collect(child);
    this.#closed = once(child, 'close');
  }

  /** Resolves when it has begun with a step; throws when it ended before. */
  async reaches(step: string): Promise<void> {
    await eventually(`the run reaches ${step}`, PATIENT_MS, () => {
      if (this.#said().includes(`"step":"${step}"`)) return true;
      if (this.#child.exitCode !== null) throw new Error(`the run ended before ${step}:\n${this.#said()}`);
      return null;
    });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Its exit code, and all that it said. */
  async result(): Promise<{ readonly code: number | null; readonly said: string }> {
    await this.#closed;
    return { code: this.#child.exitCode, said: this.#said() };
  }

  /** What it came to; throws when it failed. */
  async outcome(): Promise<Outcome> {
    const { code, said } = await this.result();
    const line = said.split('\n').find((each) => each.startsWith('{"generation"'));
    if (code !== 0 || line === undefined) throw new Error(`the run ended with ${code}:\n${said}`);
    return outcomeSchema.parse(JSON.parse(line));
  }
}

/** All that a process said so far. */
export function collect(child: ChildProcess): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
  }
  return () => said;
}

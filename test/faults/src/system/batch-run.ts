import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '@tidemark/infra-local/testing';
import type { Moment } from '@tidemark/runtime';
import { z } from 'zod';
import { failpointSaid } from './failpoint.ts';

const PATIENT_MS = 120_000;

const outcomeSchema = z.looseObject({
  generation: z.int(),
  status: z.string(),
  resumed: z.boolean(),
  durationMs: z.number(),
});
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

  /** Resolves when it has died at the moment that its failpoint names; throws when it ended otherwise. */
  async diesAt(moment: Moment): Promise<void> {
    const { said } = await this.result();
    if (this.#child.signalCode === 'SIGKILL' && said.includes(failpointSaid(moment))) return;
    throw new Error(`the run did not die at '${moment}', it ended with ${this.#child.exitCode}:\n${said}`);
  }

  /** Resolves when it stands still at the moment that its failpoint names. */
  async stopsAt(moment: Moment): Promise<void> {
    await eventually(`the run stops at ${moment}`, PATIENT_MS, () => {
      if (this.#child.exitCode !== null) throw new Error(`the run did not stop at '${moment}':\n${this.#said()}`);
      return this.#said().includes(failpointSaid(moment)) ? true : null;
    });
  }

  resume(): void {
    this.#child.kill('SIGCONT');
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

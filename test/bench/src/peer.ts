import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RecomputeRequest } from '@tidemark/engine';
import { pythonWith } from '@tidemark/infra-local';
import { z } from 'zod';
import { peakResident } from './peak-memory.ts';

export type PeerRequest = {
  readonly rows: RecomputeRequest['rows'];
  /** What to read of each source's rows, besides whose and which event's they are and where they stand. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** Hours up to this one are dropped from windows. */
  readonly oldestHour: number;
  readonly threads: number;
  /** `2g`: of a peer that can be limited. */
  readonly memory: string;
  /** A folder for what does not fit in memory. */
  readonly scratch: string;
  /** The folder to make, with the states as Parquet files. */
  readonly states: string;
};

export type PeerRun = {
  /** From files to states, as the peer measured it: without its start. */
  readonly workMs: number;
  /** From the start of its process. */
  readonly wholeMs: number;
  /** Bytes; null where the system does not tell. */
  readonly peakMemory: number | null;
};

const Done = z.object({ workMs: z.number() });

/** A recompute in other people's software: `recompute.py` in a folder of `peers`, with the packages it needs. */
export class Peer {
  readonly #script: string;
  readonly #requirements: string;
  readonly #environment: () => Readonly<Record<string, string>>;

  /** `environment` is what it needs to be told to start; it throws an `InfraError` when something is missing here. */
  constructor(name: string, environment: () => Readonly<Record<string, string>> = () => ({})) {
    const fileOf = (file: string) => fileURLToPath(new URL(`../peers/${name}/${file}`, import.meta.url));
    this.#script = fileOf('recompute.py');
    this.#requirements = fileOf('requirements.txt');
    this.#environment = environment;
  }

  async prepare(): Promise<void> {
    this.#environment();
    await pythonWith(this.#requirements, { say: (text) => process.stderr.write(`${text}\n`) });
  }

  async run(request: PeerRequest): Promise<PeerRun> {
    const python = await pythonWith(this.#requirements);
    const began = performance.now();
    const child = spawn(python, [this.#script, JSON.stringify(request)], {
      env: { ...process.env, ...this.#environment() },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    const complaints: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
    const wholeMs = performance.now() - began;
    const peakMemory = child.pid === undefined ? null : peakResident(child.pid);
    // It waits for this, so that it can be looked at when it is done.
    child.stdin.end();
    const [code] = await ended;
    if (code !== 0) throw new Error(`${this.#script} ended with ${code}:\n${complaints.slice(-30).join('\n')}`);
    return { ...Done.parse(JSON.parse(String(line))), wholeMs, peakMemory };
  }
}

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { InfraError } from './error.ts';
import type { ServerNode } from './server-node.ts';
import { watch } from './watchdog.ts';
import { writeFileWhole } from './whole-file.ts';

/** What a folder of servers keeps about them between starts. */
const layoutSchema = z.object({
  /** Bytes on the disk depend on it. */
  version: z.literal(1),
  nodes: z.int(),
  /** By what they are for. */
  ports: z.record(z.string(), z.int()),
});

export type Layout = z.output<typeof layoutSchema>;

const layoutFile = (folder: string): string => join(folder, 'servers.json');

/** What an earlier start wrote down; null for a new folder. */
export function readLayout(folder: string): Layout | null {
  let text: string;
  try {
    text = readFileSync(layoutFile(folder), 'utf8');
  } catch {
    return null;
  }
  const parsed = layoutSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new InfraError(
    'TIDEMARK_INFRA_FOLDER',
    `${layoutFile(folder)} can't be read as this version writes it. Use another folder, or remove this one.`,
  );
}

/** Throws when the folder was made for another number of servers: their data does not fit. */
export function checkLayout(folder: string, known: Layout | null, nodes: number): void {
  if (known === null || known.nodes === nodes) return;
  throw new InfraError(
    'TIDEMARK_INFRA_FOLDER',
    `${folder} holds the data of ${known.nodes}, and ${nodes} were asked for. Ask for ${known.nodes}, or use another folder.`,
  );
}

export function writeLayout(folder: string, layout: Omit<Layout, 'version'>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileWhole(layoutFile(folder), `${JSON.stringify({ version: 1, ...layout }, null, 1)}\n`);
}

export type ClusterOptions = {
  readonly folder: string;
  readonly nodes: readonly ServerNode[];
  /** Whether nodes may start side by side; else each waits for the one before. */
  readonly startTogether: boolean;
  /** The servers go on when this process ends; without it they end with it, even when it is killed. */
  readonly outlive: boolean;
  /** The folder goes when the servers do. */
  readonly temporary: boolean;
  readonly graceMs: number;
};

/** The servers of one kind that belong together. Nodes are counted from 1. */
export class Cluster {
  readonly folder: string;
  readonly #options: ClusterOptions;
  #callOff: () => void = () => {};

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.folder = options.folder;
  }

  /** `host:port` of every node, as clients take them. */
  get addresses(): readonly string[] {
    return this.#options.nodes.map(({ address }) => address);
  }

  /** Pids of the nodes that run. */
  get pids(): readonly number[] {
    return this.#options.nodes.flatMap(({ process }) => process?.pid ?? []);
  }

  get nodes(): readonly ServerNode[] {
    return this.#options.nodes;
  }

  /** Where node `number` writes what it has to say. */
  log(number: number): string {
    return this.#node(number).log;
  }

  /** Resolves when a node that was started here has ended, however that came. */
  get ended(): Promise<void> {
    return Promise.race(this.#options.nodes.map(({ ended }) => ended));
  }

  /** Starts what does not run yet and waits until all answer. When one fails, those started here are ended. */
  async startAll(): Promise<void> {
    const { nodes, startTogether, outlive, folder, temporary, graceMs } = this.#options;
    if (!outlive) this.#callOff = watch(folder, graceMs, temporary);
    const startedHere = nodes.filter(({ process }) => process === null);
    try {
      if (startTogether) await allSettled(nodes.map((node) => node.start()));
      else for (const node of nodes) await node.start();
    } catch (error) {
      await this.#end(startedHere);
      throw error;
    }
  }

  /** Ends a node as a crash would, by SIGKILL; resolves when it is gone. Its data stays. */
  kill(number: number): Promise<void> {
    return this.#node(number).kill();
  }

  /** Starts a node again on its data and port; resolves when it answers. */
  start(number: number): Promise<void> {
    return this.#node(number).start();
  }

  /** Ends one node in order; resolves when it is gone. */
  stopNode(number: number): Promise<void> {
    return this.#node(number).stop();
  }

  /** Stops a node in its tracks (SIGSTOP): its connections stay open and nothing answers. */
  pause(number: number): void {
    this.#node(number).pause();
  }

  resume(number: number): void {
    this.#node(number).resume();
  }

  /** Ends all nodes: SIGTERM, after a while SIGKILL. Resolves when they are gone; a temporary folder goes with them. */
  async stop(): Promise<void> {
    await this.#end(this.#options.nodes);
  }

  async #end(nodes: readonly ServerNode[]): Promise<void> {
    const { temporary, folder } = this.#options;
    await Promise.all(nodes.map((node) => node.stop()));
    this.#callOff();
    if (temporary) rmSync(folder, { recursive: true, force: true });
  }

  #node(number: number): ServerNode {
    const node = this.#options.nodes[number - 1];
    if (node === undefined) throw new RangeError(`There is no node ${number} of ${this.#options.nodes.length}.`);
    return node;
  }
}

/** Waits for all, then throws what the first of them failed with: none is left half started. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

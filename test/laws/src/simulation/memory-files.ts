import { hash } from 'node:crypto';
import type { ParseResult, TidemarkEvent } from '@tidemark/contracts';
import { EngineError } from '@tidemark/engine';
import {
  type EventWriter,
  LakeError,
  type LakeFile,
  type LakeStorage,
  type Place,
  type RawRecord,
  type RowWriter,
  type UnitFiles,
} from '@tidemark/lake';
import { type Definition, expand, type State } from '@tidemark/metrics';

export type EventRow = { readonly place: Place; readonly value: Uint8Array; readonly parsed: ParseResult };
export type SourceRow = { readonly place: Place; readonly event: TidemarkEvent };
/** A snapshot: every customer's state. */
export type States = ReadonlyMap<string, State>;

/** What a file of the lake holds, as the thing itself instead of Parquet. */
type Content =
  | { readonly kind: 'events'; readonly rows: readonly EventRow[] }
  | { readonly kind: 'rows'; readonly rows: readonly SourceRow[] }
  | { readonly kind: 'states'; readonly states: States }
  | { readonly kind: 'entry'; readonly bytes: Uint8Array };

/** The disks: finished files by path, and those in the making by their local name. */
export class MemoryDisk {
  readonly #files = new Map<string, Content>();
  readonly #local = new Map<string, Content>();
  #made = 0;
  /** The paths in order, until one comes or goes. */
  #paths: readonly string[] | null = null;

  get(path: string): Content | undefined {
    return this.#files.get(path);
  }

  paths(): readonly string[] {
    this.#paths ??= [...this.#files.keys()].sort();
    return this.#paths;
  }

  set(path: string, content: Content): void {
    this.#paths = null;
    this.#files.set(path, content);
  }

  delete(path: string): void {
    this.#paths = null;
    this.#files.delete(path);
  }

  make(content: Content, name = `local ${++this.#made}`): string {
    this.#local.set(name, content);
    return name;
  }

  take(name: string): Content {
    const content = this.#local.get(name);
    if (!content) throw new Error(`no local file ${name}`);
    this.#local.delete(name);
    return content;
  }

  discard(name: string): void {
    this.#local.delete(name);
  }

  name(kind: string): string {
    return `${kind}/${++this.#made}`;
  }

  rows(path: string): readonly SourceRow[] {
    const content = this.#files.get(path);
    if (content?.kind !== 'rows') throw new LakeError('TIDEMARK_LAKE_MISSING', `The lake has no file ${path}.`);
    return content.rows;
  }

  states(path: string): States {
    const content = this.#files.get(path);
    // What the engine's own process says of a file that went while it began to read.
    if (content?.kind !== 'states') throw new EngineError('TIDEMARK_ENGINE_FAILED', `There is no file ${path}.`);
    return content.states;
  }
}

/** What stands for a file's bytes where they are hashed: its name says all of its content. */
const bytesOf = (path: string, content: Content): Uint8Array =>
  content.kind === 'entry' ? content.bytes : new TextEncoder().encode(path);

export const chunkOf = (disk: MemoryDisk, path: string): Uint8Array | null => {
  const content = disk.get(path);
  return content ? bytesOf(path, content) : null;
};

/** The lake's files in memory. */
export function memoryFiles(disk: MemoryDisk, storage: LakeStorage): UnitFiles {
  const put = async (path: string, localFile: string, rows: number): Promise<LakeFile> => {
    await storage.put(path, localFile);
    const bytes = new TextEncoder().encode(path);
    return { path, sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length, rows };
  };
  const notSimulated = (): never => {
    throw new Error('imports of files are not simulated');
  };
  return {
    put,
    eventWriter: async () => eventWriter(disk, put),
    rowWriter: async (definition) => rowWriter(disk, definition, put),
    async *records({ path }): AsyncGenerator<RawRecord> {
      const content = disk.get(path);
      if (content?.kind !== 'events') throw new Error(`${path} is no file of events`);
      for (const { place, value } of content.rows) yield { place, value };
    },
    merge: (path, files) => {
      const rows = files.flatMap((file) => disk.rows(file.path));
      return put(path, disk.make({ kind: 'rows', rows }), rows.length);
    },
    discard: async (localFile) => disk.discard(localFile),
    quarantineWriter: notSimulated,
    quarantined: notSimulated,
    sampleCustomers: notSimulated,
  };
}

type Put = UnitFiles['put'];

const noSql = (): never => {
  throw new Error('a file in memory has no SQL');
};

function eventWriter(disk: MemoryDisk, put: Put): EventWriter {
  const rows: EventRow[] = [];
  return {
    append: ({ place, value, parsed }) => rows.push({ place, value, parsed }),
    appendQuery: noSql,
    get relation(): string {
      return noSql();
    },
    drop: noSql,
    discard: async () => {},
    finish: async () =>
      rows.length === 0 ? null : put(disk.name('events'), disk.make({ kind: 'events', rows }), rows.length),
  };
}

function rowWriter(disk: MemoryDisk, definition: Definition, put: Put): RowWriter {
  const bySource = new Map<string, SourceRow[]>();
  return {
    append: (place, event) => {
      const { source } = expand(event);
      const rows = bySource.get(source.name) ?? [];
      bySource.set(source.name, rows);
      rows.push({ place, event });
    },
    appendQuery: noSql,
    get relations(): ReadonlyMap<string, string> {
      return noSql();
    },
    drop: noSql,
    discard: async () => {},
    finish: async () => {
      const files: Record<string, LakeFile> = {};
      for (const { name } of definition.sources) {
        const rows = bySource.get(name);
        if (rows)
          files[name] = await put(
            disk.name(`rows/${definition.sourcesId}/${name}`),
            disk.make({ kind: 'rows', rows }),
            rows.length,
          );
      }
      return { files };
    },
  };
}

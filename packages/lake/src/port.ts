/**
 * Where the lake's files are: a folder, or object storage. Paths are relative, with `/`. A file is visible whole or not
 * at all, and never changes once it is.
 */
export type LakeStorage = {
  /** Makes the finished local file durable under `path` and removes it from where it was. */
  put(path: string, localFile: string): Promise<void>;
  /** Puts small content if nothing is there; false when something is. Durable when it resolves. */
  putIfAbsent(path: string, content: Uint8Array): Promise<boolean>;
  /** Throws `TIDEMARK_LAKE_MISSING` when there is no such file. */
  read(path: string): Promise<Uint8Array>;
  /** The file as chunks, for hashing. Throws `TIDEMARK_LAKE_MISSING`. */
  chunks(path: string): AsyncIterable<Uint8Array>;
  /** Every path below the prefix, ascending. */
  list(prefix: string): Promise<readonly string[]>;
  /** What a query engine opens the file by. */
  locate(path: string): string;
  remove(path: string): Promise<void>;
  /** A local folder for files in the making, on the same file system where that makes `put` a rename. */
  readonly scratchFolder: string;
};

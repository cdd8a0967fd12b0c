/** What both servers' starts take. */
export type StartOptions = {
  /** Everything of the servers is in here: data, logs, settings. Made if absent. */
  readonly folder: string;
  /** For tests: the folder is removed when the servers end, and their code is compiled soon rather than well. */
  readonly temporary?: boolean;
  /** The servers go on when this process ends, to be found again by their folder. Default: they end with it. */
  readonly outlive?: boolean;
  /** The most memory of each server's Java heap, in MB. */
  readonly heapMb?: number;
  /** How long the start of one server may take. */
  readonly startTimeoutMs?: number;
  /** How long a server may take to end by itself before it is ended by force. */
  readonly graceMs?: number;
  /** Aborts a start: what was begun is ended, and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told what is going on. */
  readonly say?: (text: string) => void;
  /** Where the servers' files are kept between runs. Default: `$XDG_CACHE_HOME/tidemark` or `~/.cache/tidemark`. */
  readonly cache?: string;
};

/**
 * Flags of the JVM for how long its servers will live. Of the CPU that one takes in the few minutes of a test, Java's second
 * compiler would be a third, and what it makes has no time to pay for that.
 */
export const compilerFlags = ({ temporary }: StartOptions): readonly string[] =>
  temporary ? ['-XX:TieredStopAtLevel=1'] : [];

/** How long a server may take to stop. What a temporary one would still write nobody reads. */
export const graceOf = ({ graceMs, temporary }: StartOptions, byDefaultMs: number): number =>
  graceMs ?? (temporary ? 1_000 : byDefaultMs);

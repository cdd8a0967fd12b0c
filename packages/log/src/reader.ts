import type { ReadOptions, ReadResult } from './port.ts';

/** Reads a partition from an offset, as the log itself does. */
export type Reader = { read(partition: number, from: bigint, options: ReadOptions): Promise<ReadResult> };

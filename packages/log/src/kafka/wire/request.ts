import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** One request of Kafka's protocol in one version, and how its answer reads. */
export type Request<T> = {
  readonly name: string;
  readonly apiKey: number;
  readonly version: number;
  /** Whether the version's headers end in tagged fields (KIP-482). */
  readonly isFlexible: boolean;
  /** How long the answer may take. */
  readonly timeoutMs: number;
  write(writer: ByteWriter): void;
  read(reader: ByteReader): T;
};

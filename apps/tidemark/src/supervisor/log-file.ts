import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

const MAX_BYTES = 8 * 1024 * 1024;

/**
 * A log file of bounded size: a full one becomes `<path>.1`, over the one before. Lines that can't be written (a full
 * disk) are dropped and told of once: logging must not end what it watches.
 */
export class LogFile {
  readonly #path: string;
  readonly #onLost: (error: unknown) => void;
  #file: number;
  #bytes: number;
  #isLosing = false;

  constructor(path: string, onLost: (error: unknown) => void) {
    this.#path = path;
    this.#onLost = onLost;
    this.#file = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  /** Takes a line with its newline. */
  write(line: string): void {
    try {
      if (this.#bytes >= MAX_BYTES) this.#rotate();
      this.#bytes += writeSync(this.#file, line);
      this.#isLosing = false;
    } catch (error) {
      if (!this.#isLosing) this.#onLost(error);
      this.#isLosing = true;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #rotate(): void {
    renameSync(this.#path, `${this.#path}.1`);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a', 0o600);
    this.#bytes = 0;
  }
}

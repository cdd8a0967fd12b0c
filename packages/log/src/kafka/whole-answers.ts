import type { Socket } from 'node:net';

/** Each answer comes behind its size, an INT32 that does not count itself (Kafka protocol guide, "Protocol Primitive Types"). */
const SIZE_BYTES = 4;

/** Cuts what a broker sends where answers end, and holds back what is not whole yet. */
export class WholeAnswers {
  #parts: Buffer[] = [];
  #held = 0;
  /** Fewer bytes can't end the answer that is under way. */
  #needed = SIZE_BYTES;

  /** The answers that are whole with this part, as one; null when none is. Throws a `RangeError` at a size that is none. */
  take(part: Buffer): Buffer | null {
    this.#parts.push(part);
    this.#held += part.length;
    if (this.#held < this.#needed) return null;
    const bytes = this.#parts.length === 1 ? part : Buffer.concat(this.#parts, this.#held);
    let end = 0;
    this.#needed = SIZE_BYTES;
    while (bytes.length - end >= SIZE_BYTES) {
      const size = bytes.readInt32BE(end);
      if (size < 0) throw new RangeError(`An answer of ${size} bytes: this is no broker of Kafka.`);
      this.#needed = SIZE_BYTES + size;
      if (bytes.length - end < this.#needed) break;
      end += this.#needed;
      this.#needed = SIZE_BYTES;
    }
    const rest = bytes.subarray(end);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return end === 0 ? null : bytes.subarray(0, end);
  }
}

/**
 * Has a socket tell of whole answers alone. kafkajs keeps the part of an answer with which a connection broke, puts what the
 * next connection brings behind it, and reads sizes where there are none from then on (#715): the process ends by an error
 * that nobody can catch, or nothing that is asked of the broker is answered ever again.
 */
export function inWholeAnswers<S extends Socket>(socket: S): S {
  const answers = new WholeAnswers();
  const emit: (event: string | symbol, ...args: unknown[]) => boolean = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [part] = args;
    if (event !== 'data' || !(part instanceof Buffer)) return emit(event, ...args);
    try {
      const whole = answers.take(part);
      return whole !== null && emit(event, whole);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
      return false;
    }
  };
  return socket;
}

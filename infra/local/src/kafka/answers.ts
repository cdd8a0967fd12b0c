import { FramedSocket } from '../framed-socket.ts';

/** Numbers of the requests, and a version of each that every Kafka from 3 on has (kafka.apache.org/protocol). */
const METADATA = { key: 3, version: 1 };
const FIND_COORDINATOR = { key: 10, version: 0 };
const HEARTBEAT = { key: 12, version: 0 };

/** What a coordinator that works says of a member it never saw. */
const UNKNOWN_MEMBER = 25;

/** A group that nobody joins. */
const GROUP = 'tidemark-readiness';

const CORRELATION_ID = 7;

const frameLength = (bytes: Buffer): number | null => (bytes.length < 4 ? null : 4 + bytes.readInt32BE(0));

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function request({ key, version }: { key: number; version: number }, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt16BE(key, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(CORRELATION_ID, 4);
  const rest = Buffer.concat([header, text('tidemark-infra'), body]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(rest.length);
  return Buffer.concat([length, rest]);
}

/** Reads a response front to back, after its length and correlation id. */
class Reader {
  readonly #bytes: Buffer;
  #at = 8;

  constructor(bytes: Buffer) {
    if (bytes.readInt32BE(4) !== CORRELATION_ID) throw new Error('an answer to another question');
    this.#bytes = bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  text(): string {
    const length = this.int16();
    if (length < 0) return '';
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }
}

async function withBroker<T>(address: string, use: (broker: FramedSocket) => Promise<T>): Promise<T> {
  const [host = '', port] = address.split(':');
  const broker = await FramedSocket.open(host, Number(port), frameLength);
  try {
    return await use(broker);
  } finally {
    broker.close();
  }
}

/**
 * Resolves when the broker can be used: it knows itself as a part of the cluster, and a consumer group finds its
 * coordinator at work, which on a fresh broker comes seconds after the open port. Rejects while that is not so.
 */
export async function kafkaAnswers(address: string): Promise<void> {
  const coordinator = await withBroker(address, async (broker) => {
    const noTopics = Buffer.alloc(4);
    const metadata = new Reader(await broker.ask(request(METADATA, noTopics)));
    const brokers = Array.from({ length: metadata.int32() }, () => {
      metadata.int32();
      const known = `${metadata.text()}:${metadata.int32()}`;
      metadata.text();
      return known;
    });
    if (!brokers.includes(address)) throw new Error('the broker is not a part of its cluster yet');
    const found = new Reader(await broker.ask(request(FIND_COORDINATOR, text(GROUP))));
    const error = found.int16();
    if (error !== 0) throw new Error(`the group coordinator is not available yet (error ${error})`);
    found.int32();
    return `${found.text()}:${found.int32()}`;
  });
  await withBroker(coordinator, async (broker) => {
    const generation = Buffer.alloc(4);
    const body = Buffer.concat([text(GROUP), generation, text('nobody')]);
    const error = new Reader(await broker.ask(request(HEARTBEAT, body))).int16();
    if (error !== UNKNOWN_MEMBER) throw new Error(`the group coordinator does not work yet (error ${error})`);
  });
}

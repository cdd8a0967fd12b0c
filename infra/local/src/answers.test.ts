import { expect, test } from 'vitest';
import { cassandraAnswers } from './cassandra/answers.ts';
import { kafkaAnswers } from './kafka/answers.ts';
import { scriptedServer } from './testing/scripted-server.ts';

const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([int16(value.length), Buffer.from(value)]);

/** What a broker says: the brokers it knows, the coordinator's error, and the error of a heartbeat. */
type Broker = { readonly knows: (port: number) => number; readonly coordinator: number; readonly heartbeat: number };

const WORKS: Broker = { knows: (port) => port, coordinator: 0, heartbeat: 25 };

async function answersOf(broker: Broker): Promise<void> {
  let port = 0;
  const server = await scriptedServer((request) => {
    const self = Buffer.concat([int32(1), text('127.0.0.1')]);
    const bodies: Readonly<Record<number, Buffer>> = {
      3: Buffer.concat([int32(1), self, int32(broker.knows(port)), int16(-1), int32(1), int32(0)]),
      10: Buffer.concat([int16(broker.coordinator), self, int32(port)]),
      12: int16(broker.heartbeat),
    };
    const body = bodies[request.readInt16BE(4)] ?? Buffer.alloc(0);
    return Buffer.concat([int32(4 + body.length), request.subarray(8, 12), body]);
  });
  port = Number(server.address.split(':')[1]);
  try {
    await kafkaAnswers(server.address);
  } finally {
    await server.close();
  }
}

test('a broker can be used when it is in its cluster, and a group finds its coordinator at work', async () => {
  await expect(answersOf(WORKS)).resolves.toBeUndefined();
});

test('a broker with an open port is not ready outside of its cluster, or without a coordinator that works', async () => {
  await expect(answersOf({ ...WORKS, knows: (port) => port - 1 })).rejects.toThrow('not a part of its cluster');
  await expect(answersOf({ ...WORKS, coordinator: 15 })).rejects.toThrow('not available yet (error 15)');
  await expect(answersOf({ ...WORKS, heartbeat: 14 })).rejects.toThrow('does not work yet (error 14)');
});

const READY = 0x02;
const AUTHENTICATE = 0x03;
const AUTH_SUCCESS = 0x10;
const ERROR = 0x00;

/** A node that answers the first request of a connection, and the second, with these opcodes. */
async function cassandraSays(first: number, second: number | null, firstLogin: boolean): Promise<void> {
  const frame = (opcode: number) => Buffer.from([0x84, 0, 0, 0, opcode, 0, 0, 0, 0]);
  const server = await scriptedServer((request) => {
    const opcode = request[4] === 0x01 ? first : second;
    return opcode === null ? null : frame(opcode);
  });
  try {
    await cassandraAnswers({ address: server.address, tls: false, firstLogin });
  } finally {
    await server.close();
  }
}

test('a node can be used when it starts a session, and lets its first role in where it has to make that first', async () => {
  await expect(cassandraSays(READY, null, false)).resolves.toBeUndefined();
  await expect(cassandraSays(AUTHENTICATE, null, false)).resolves.toBeUndefined();
  await expect(cassandraSays(AUTHENTICATE, AUTH_SUCCESS, true)).resolves.toBeUndefined();
  await expect(cassandraSays(AUTHENTICATE, ERROR, true)).rejects.toThrow('first role');
  await expect(cassandraSays(ERROR, null, false)).rejects.toThrow('with 0');
});

test('a port that takes connections and says nothing is no server that answers', async () => {
  const silent = await scriptedServer(() => null);
  await expect(kafkaAnswers(silent.address)).rejects.toThrow('in time');
  await silent.close();
});

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { types } from 'cassandra-driver';
import clientOptions from 'cassandra-driver/lib/client-options.js';
import DriverConnection from 'cassandra-driver/lib/connection.js';
import requests from 'cassandra-driver/lib/requests.js';
import { afterEach, expect, test } from 'vitest';
import './stray-answers.ts';

const { responseErrorCodes: codes } = types;
/** Of the frames of version 4 of the protocol. */
const opcodes = { error: 0, startup: 1, ready: 2, supported: 6 };
const PROTOCOL = 4;
const HEADER_BYTES = 9;

const frame = (streamId: number, opcode: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(0x80 | PROTOCOL, 0);
  header.writeInt16BE(streamId, 2);
  header.writeUInt8(opcode, 4);
  header.writeUInt32BE(body.length, 5);
  return Buffer.concat([header, body]);
};
const text = (value: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
};
/** That a node supports one thing, named so that the answers of two requests can be told apart. */
const answer = (streamId: number, name: string): Buffer =>
  frame(streamId, opcodes.supported, Buffer.concat([Buffer.from([0, 1]), text(name), Buffer.from([0, 0])]));
const failure = (streamId: number, code: number): Buffer => {
  const number = Buffer.alloc(4);
  number.writeInt32BE(code);
  return frame(streamId, opcodes.error, Buffer.concat([number, text('timed out before it could start')]));
};

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A connection to a server that shakes hands and then says what the test has it say, in one packet. */
async function connected() {
  let asked = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      for (let at = 0; at < bytes.length; at += HEADER_BYTES + bytes.readUInt32BE(at + 5)) {
        if (bytes.readUInt8(at + 4) === opcodes.startup)
          socket.write(frame(bytes.readInt16BE(at + 2), opcodes.ready, Buffer.alloc(0)));
        else asked += 1;
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const options = clientOptions.extend({ contactPoints: ['127.0.0.1'], localDataCenter: 'dc1' });
  const connection = new DriverConnection(`127.0.0.1:${(server.address() as AddressInfo).port}`, PROTOCOL, options);
  ended.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => connection.closeAsync(),
  );
  await connection.openAsync();
  return {
    connection,
    /** Asks that often, and resolves when all of it has arrived; streams are given from 0. */
    async ask(times: number) {
      const arrived = asked + times;
      const answers = Array.from({ length: times }, () =>
        connection.send(requests.options, null).catch((error: unknown) => error),
      );
      await expect.poll(() => asked).toBe(arrived);
      return answers;
    },
    say: (...frames: readonly Buffer[]) => sockets[0]?.write(Buffer.concat(frames)),
  };
}

const broken = expect.objectContaining({ isSocketError: true });

test.each([codes.overloaded, codes.serverError])(
  'after an error %i on stream 0 no answer is believed',
  async (code) => {
    const { connection, ask, say } = await connected();
    const answers = await ask(2);
    const closed = once(connection, 'socketClose');
    say(failure(0, code), answer(0, 'of the first'), answer(1, 'of the second'));
    expect(await Promise.all(answers)).toEqual([broken, broken]);
    await closed;
  },
);

test('after an answer that nobody waits for none is believed', async () => {
  const { connection, ask, say } = await connected();
  const answers = await ask(2);
  const closed = once(connection, 'socketClose');
  say(answer(7, 'of nobody'), answer(0, 'of the first'), answer(1, 'of the second'));
  expect(await Promise.all(answers)).toEqual([broken, broken]);
  await closed;
});

test('errors that name their own request leave the connection as it is', async () => {
  const { ask, say } = await connected();
  const answers = await ask(3);
  say(failure(1, codes.overloaded), failure(0, codes.unavailableException), answer(2, 'of the third'));
  expect(await Promise.all(answers)).toMatchObject([
    { code: codes.unavailableException },
    { code: codes.overloaded },
    { supported: { 'of the third': [] } },
  ]);
  const again = await ask(1);
  // The stream that was given back last.
  say(answer(2, 'again'));
  expect(await Promise.all(again)).toMatchObject([{ supported: { again: [] } }]);
});

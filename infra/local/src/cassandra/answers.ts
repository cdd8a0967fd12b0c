import { FramedSocket } from '../framed-socket.ts';

/** Version 4 of the native protocol (doc/native_protocol_v4.spec of Cassandra), which every Cassandra since 3 speaks. */
const VERSION = 4;
const HEADER_BYTES = 9;

const STARTUP = 0x01;
const READY = 0x02;
const AUTHENTICATE = 0x03;
const AUTH_RESPONSE = 0x0f;
const AUTH_SUCCESS = 0x10;

/** The role that a fresh Cassandra with passwords makes for the first login. */
const FIRST_LOGIN = '\0cassandra\0cassandra';

function frameLength(bytes: Buffer): number | null {
  return bytes.length < HEADER_BYTES ? null : HEADER_BYTES + bytes.readInt32BE(5);
}

function frame(opcode: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = VERSION;
  header[4] = opcode;
  header.writeInt32BE(body.length, 5);
  return Buffer.concat([header, body]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

function startup(): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(1);
  return frame(STARTUP, Buffer.concat([count, text('CQL_VERSION'), text('3.0.0')]));
}

function authResponse(token: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(token));
  return frame(AUTH_RESPONSE, Buffer.concat([length, Buffer.from(token)]));
}

export type CassandraProbe = {
  readonly address: string;
  /** The port takes TLS alone. */
  readonly tls: boolean;
  /** A new Cassandra makes its first role after it begins to listen: with this the login must work. */
  readonly firstLogin: boolean;
};

/** Resolves when the node starts a CQL session, and lets the first role in where it should. Rejects while it doesn't. */
export async function cassandraAnswers({ address, tls, firstLogin }: CassandraProbe): Promise<void> {
  const [host = '', port] = address.split(':');
  const node = await FramedSocket.open(host, Number(port), frameLength, tls);
  try {
    const opcode = (await node.ask(startup()))[4];
    if (opcode === READY || (opcode === AUTHENTICATE && !firstLogin)) return;
    if (opcode !== AUTHENTICATE) throw new Error(`the node answered a session's start with ${opcode}`);
    const answer = (await node.ask(authResponse(FIRST_LOGIN)))[4];
    if (answer !== AUTH_SUCCESS) throw new Error('the first role is not there yet');
  } catch (error) {
    // It asks for a certificate that we don't have: who asks, answers.
    if (error instanceof Error && 'code' in error && /^ERR_SSL_.*CERTIFICATE_REQUIRED/.test(String(error.code))) return;
    throw error;
  } finally {
    node.close();
  }
}

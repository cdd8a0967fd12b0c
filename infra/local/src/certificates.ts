import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InfraError } from './error.ts';
import { findJava } from './java.ts';

export type Certificates = {
  /** PKCS12, for `ssl.keystore.location` of Kafka and `keystore` of Cassandra. */
  readonly keyStore: string;
  /** PKCS12 that trusts the certificate: for servers that ask clients for one. */
  readonly trustStore: string;
  /** Of both stores. */
  readonly password: string;
  /** PEM text: what a client takes as `ca`. */
  readonly certificate: string;
};

const DAYS = '30';

/**
 * Makes a self-signed certificate for 127.0.0.1 and localhost, and for the addresses of several nodes, in a new folder,
 * with the keytool of Java. For servers on this machine alone.
 */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const password = randomBytes(12).toString('hex');
  const [keyStore, trustStore] = [join(folder, 'key-store.p12'), join(folder, 'trust-store.p12')];
  const pem = join(folder, 'certificate.pem');
  const store = (file: string) => [
    '-keystore',
    file,
    '-storetype',
    'PKCS12',
    '-storepass',
    password,
    '-alias',
    'server',
  ];
  const names = ['ip:127.0.0.1', 'ip:127.0.0.11', 'ip:127.0.0.12', 'ip:127.0.0.13', 'dns:localhost'];
  keytool(
    '-genkeypair',
    ...store(keyStore),
    '-keyalg',
    'EC',
    '-groupname',
    'secp256r1',
    '-validity',
    DAYS,
    '-dname',
    'CN=localhost',
    '-ext',
    `SAN=${names.join(',')}`,
  );
  keytool('-exportcert', ...store(keyStore), '-rfc', '-file', pem);
  keytool('-importcert', ...store(trustStore), '-noprompt', '-file', pem);
  return { keyStore, trustStore, password, certificate: readFileSync(pem, 'utf8') };
}

function keytool(...args: readonly string[]): void {
  const java = findJava();
  const beside = join(dirname(java), 'keytool');
  try {
    execFileSync(existsSync(beside) ? beside : 'keytool', args, { stdio: 'pipe' });
  } catch (cause) {
    throw new InfraError('TIDEMARK_INFRA_TOOLS', "Java's keytool could not make a certificate.", { cause });
  }
}

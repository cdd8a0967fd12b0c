import { readFileSync } from 'node:fs';
import { ViewsError } from '../error.ts';

/** Levels at which a read sees every write that was acknowledged before it. Weaker ones would forget deltas. */
const CONSISTENCIES = ['LOCAL_QUORUM', 'QUORUM', 'ALL'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** What a `cassandra:` URL says. */
export type CassandraUrl = {
  /** `host:port` each. */
  readonly contactPoints: readonly string[];
  readonly credentials: { readonly username: string; readonly password: string } | null;
  readonly dataCenter: string;
  readonly keyspace: string;
  /** Copies of every row, for the keyspace if it must be made; null: it has to be there. */
  readonly replication: number | null;
  readonly consistency: Consistency;
  /** PEM texts; null: no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
};

const SHAPE =
  'cassandra://[user:password@]host:9042,host2?dc=datacenter1&keyspace=tidemark[&rf=3][&consistency=LOCAL_QUORUM][&tls=true][&ca=file][&cert=file&key=file]';
const DEFAULT_PORT = '9042';
const HOST = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const PARAMETERS = new Set(['dc', 'keyspace', 'rf', 'consistency', 'tls', 'ca', 'cert', 'key']);

/** Reads a URL of several hosts, which the URL standard has none of. Throws TIDEMARK_VIEWS_URL without the password. */
export function parseCassandraUrl(url: string): CassandraUrl {
  const [, user, password, hosts = '', query = ''] =
    /^cassandra:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(url) ??
    refuse('has another form');
  const parameters = new Map(new URLSearchParams(query));
  for (const name of parameters.keys()) if (!PARAMETERS.has(name)) refuse(`has no parameter '${name}'`);
  return {
    contactPoints: hosts.split(',').map(contactPoint),
    credentials: user ? { username: decoded(user), password: decoded(password ?? '') } : null,
    dataCenter: matching(parameters.get('dc'), /^[A-Za-z0-9_.-]{1,100}$/) ?? refuse('names no data centre: dc=…'),
    keyspace:
      matching(parameters.get('keyspace') ?? 'tidemark', /^[a-z][a-z0-9_]{0,47}$/) ??
      refuse('has a keyspace that can be none'),
    replication: replicationOf(parameters.get('rf')),
    consistency: consistencyOf(parameters.get('consistency')),
    tls: tlsOf(parameters),
  };
}

function contactPoint(given: string): string {
  const [, host, port = DEFAULT_PORT] = HOST.exec(given) ?? refuse('has a host that can be none');
  return `${host}:${port}`;
}

function matching(given: string | undefined, pattern: RegExp): string | null {
  return given !== undefined && pattern.test(given) ? given : null;
}

function replicationOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  return /^[1-9]$/.test(given) ? Number(given) : refuse('has an rf that is no number from 1 to 9');
}

function consistencyOf(given = 'LOCAL_QUORUM'): Consistency {
  return (
    CONSISTENCIES.find((each) => each === given) ?? refuse(`has a consistency other than ${CONSISTENCIES.join(', ')}`)
  );
}

function tlsOf(parameters: ReadonlyMap<string, string>): CassandraUrl['tls'] {
  const [tls, ca, cert, key] = ['tls', 'ca', 'cert', 'key'].map((name) => parameters.get(name));
  if (tls !== undefined && tls !== 'true' && tls !== 'false') refuse('has a tls that is neither true nor false');
  if (tls !== 'true') {
    // A person who names a certificate wants it used: going on in the clear would be the wrong guess.
    if (ca ?? cert ?? key) refuse('names a certificate, but not tls=true');
    return null;
  }
  if ((cert === undefined) !== (key === undefined)) refuse('needs cert and key together');
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined || key === undefined ? {} : { cert: pem(cert), key: pem(key) }),
  };
}

function pem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ViewsError('TIDEMARK_VIEWS_URL', `The file ${file} that the cassandra: URL names can't be read.`, {
      cause,
    });
  }
}

function decoded(given: string): string {
  try {
    return decodeURIComponent(given);
  } catch {
    return refuse('has a user or password that is not percent-encoded');
  }
}

function refuse(what: string): never {
  throw new ViewsError('TIDEMARK_VIEWS_URL', `The cassandra: URL ${what}. Use ${SHAPE}.`);
}

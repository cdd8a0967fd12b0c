import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { resolveArtefacts } from './artefacts.ts';
import { findJava } from './java.ts';
import { brokerProperties, parseProperties } from './kafka/properties.ts';
import { SERVERS, type ServerName, shipped } from './shipped.ts';
import { kafkaOfRun } from './testing/index.ts';

const file = fileURLToPath(new URL('../../compose/servers.yaml', import.meta.url));

const service = z.object({
  image: z.string(),
  ports: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  entrypoint: z.array(z.string()).optional(),
  volumes: z.array(z.string()),
  healthcheck: z.object({ test: z.array(z.string()).min(2), interval: z.string(), retries: z.int() }),
});

const compose = z
  .object({
    services: z.object({ kafka: service, cassandra: service }),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(readFileSync(file, 'utf8')));

/** `from:to` of a service's mounts. */
const mounts = (server: ServerName) =>
  compose.services[server].volumes.map((volume) => {
    const [from = '', to = '', mode] = volume.split(':');
    return { from, to, mode };
  });

/** The file that is mounted there. */
const mounted = (server: ServerName, path: string): string => {
  const found = mounts(server).find(({ to }) => to === path);
  return resolve(dirname(file), found?.from ?? 'nothing is mounted there');
};

describe.each(SERVERS)('the container of %s', (server) => {
  const { image, ports } = compose.services[server];

  test('is of the version that runs without Docker', () => {
    const version = /<version>(\d+\.\d+\.\d+)<\/version>/.exec(readFileSync(shipped.pom(server), 'utf8'))?.[1];
    expect(image).toBe(`${server === 'kafka' ? 'apache/kafka' : server}:${version}`);
  });

  test('answers on the port of infra:up, on this machine alone', () => {
    expect(ports).toEqual([server === 'kafka' ? '127.0.0.1:9092:9092' : '127.0.0.1:9042:9042']);
  });

  test('keeps its data in a volume and reads the settings that are shared, which it can not write', () => {
    const [data, ...files] = mounts(server);
    expect(Object.keys(compose.volumes)).toContain(data?.from);
    for (const { from, mode } of files) {
      expect(mode).toBe('ro');
      expect(existsSync(resolve(dirname(file), from)), from).toBe(true);
    }
    const own = files.filter(({ from }) => from.startsWith(`../local/config/${server}/`));
    expect(own.length).toBeGreaterThan(0);
  });
});

test('the settings of Cassandra and those of a container make one whole, and no name is in both', () => {
  const [shared, container] = ['cassandra.yaml', 'container.yaml'].map((name) => {
    const path = `/etc/tidemark/${name}`;
    expect(compose.services.cassandra.entrypoint?.at(-1)).toContain(path);
    return readFileSync(mounted('cassandra', path), 'utf8');
  });
  // The parser refuses a name that is there twice.
  const whole = z.record(z.string(), z.unknown()).parse(parse(`${shared}${container}`));
  expect(whole).toMatchObject({ commitlog_sync: 'batch', rpc_address: '0.0.0.0' });
  for (const address of ['listen_address', 'broadcast_address', 'broadcast_rpc_address'])
    expect(container).toMatch(new RegExp(`^${address}: `, 'm'));
  expect(container).toMatch(/- seeds: /);
});

const folder = mkdtempSync(join(tmpdir(), 'tidemark-compose-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(kafkaOfRun() === null)('the image of Kafka makes of file and variables what infra:up starts', async () => {
  const folders = ['default', 'mounted', 'final'].map((name) => join(folder, name));
  for (const each of folders) {
    mkdirSync(each);
    for (const name of ['server.properties', 'log4j2.yaml', 'tools-log4j2.yaml']) writeFileSync(join(each, name), '');
  }
  const [defaults = '', mountedAt = '', final = ''] = folders;
  const data = join(folder, 'data');
  copyFileSync(mounted('kafka', '/mnt/shared/config/server.properties'), join(mountedAt, 'server.properties'));
  const options = ['--default-configs-dir', defaults, '--mounted-configs-dir', mountedAt, '--final-configs-dir', final];
  // What the image runs before the broker: it writes the settings, and prepares the disk.
  const setup = ['kafka.docker.KafkaDockerWrapper', 'setup', ...options];
  execFileSync(findJava(), ['-cp', join(await resolveArtefacts('kafka'), '*'), ...setup], {
    env: { PATH: process.env.PATH, ...compose.services.kafka.environment, KAFKA_LOG_DIRS: data },
    stdio: 'pipe',
  });
  expect(existsSync(join(data, 'meta.properties'))).toBe(true);
  const made = parseProperties(readFileSync(join(final, 'server.properties'), 'utf8'));
  const ofUp = brokerProperties({
    id: 1,
    data,
    brokers: [{ client: 9092, controller: 9093, listeners: {} }],
    protocols: {},
    settings: {},
  });
  const addresses = /^(advertised\.)?listeners$|^listener\.security\.protocol\.map$|^controller\.quorum\.voters$/;
  const compared = Object.entries(ofUp).filter(([name]) => !addresses.test(name));
  expect(Object.fromEntries(compared.map(([name]) => [name, made[name]]))).toEqual(Object.fromEntries(compared));
  expect(made['advertised.listeners']).toContain('HOST://127.0.0.1:9092');
});

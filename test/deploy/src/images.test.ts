import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '@tidemark/embedded-postgres/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { Container, containerUser, isHealthy } from './image/container.ts';
import { readDockerfile } from './image/dockerfile.ts';
import { buildImage, type Image } from './image/image.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const APPS = ['batch-layer', 'ingest', 'serving-layer', 'speed-layer'] as const;
type AppName = (typeof APPS)[number];

const database = testDatabase();
const images = new Map<AppName, Image>();
let folder = '';

const imageOf = (app: AppName): Image => {
  const image = images.get(app);
  if (image === undefined) throw new Error(`the image of ${app} was not built`);
  return image;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-deploy-'));
  chmodSync(folder, 0o755);
  const waiting: AppName[] = [...APPS];
  const lane = async () => {
    for (let app = waiting.shift(); app !== undefined; app = waiting.shift()) {
      const own = join(folder, app);
      mkdirSync(own);
      images.set(app, await buildImage(root, `apps/${app}/Dockerfile`, own));
    }
  };
  await Promise.all([lane(), lane()]);
  mkdirSync(join(folder, 'lake'));
  if (containerUser !== null) chownSync(join(folder, 'lake'), containerUser.uid, containerUser.gid);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = (): Record<string, string> => ({
  TIDEMARK_LOG_URL: database.url(),
  TIDEMARK_VIEWS_URL: database.url(),
  TIDEMARK_CATALOG_URL: database.url(),
  TIDEMARK_LAKE_URL: join(folder, 'lake'),
  TIDEMARK_BARRIER_DISTANCE: '0s',
});

/** What the app reads of these: each has its own environment. */
const READS: Readonly<Record<AppName, readonly string[]>> = {
  'batch-layer': ['LOG', 'VIEWS', 'LAKE', 'CATALOG'],
  ingest: ['LOG', 'LAKE', 'CATALOG'],
  'serving-layer': ['LOG', 'VIEWS', 'CATALOG'],
  'speed-layer': ['LOG', 'VIEWS'],
};

function container(
  app: AppName,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Container {
  const started = new Container(imageOf(app), args, env, input);
  onTestFinished(() => started.kill());
  return started;
}

/** Resolves to a port that was free a moment ago. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return String(address.port);
}

/** Names of the packages in the image, and how many MiB its files are. */
function contents(image: Image): { packages: readonly string[]; files: readonly string[]; mebibytes: number } {
  const listed = execFileSync('find', [image.folder, '-type', 'f', '-printf', '%s %P\n'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const entries = listed
    .trimEnd()
    .split('\n')
    .map((line) => ({ bytes: Number(line.slice(0, line.indexOf(' '))), path: line.slice(line.indexOf(' ') + 1) }));
  return {
    packages: readdirSync(join(image.folder, 'node_modules', '.pnpm')),
    files: entries.map(({ path }) => path),
    mebibytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) / 1024 / 1024,
  };
}

/** Without its Node, in MiB: what an app may weigh. */
const HEAVIEST: Readonly<Record<AppName, number>> = {
  'batch-layer': 150,
  ingest: 150,
  'serving-layer': 80,
  'speed-layer': 40,
};

describe.each(APPS)('the image of %s', (app) => {
  it('holds what runs and nothing else', () => {
    const { packages, files, mebibytes } = contents(imageOf(app));
    console.log(`${app}: ${mebibytes.toFixed(0)} MiB, ${packages.length} packages, ${files.length} files`);
    const foreign = /embedded-postgres|^typescript@|^vitest@|^tsx@|^esbuild@|^@biomejs|^turbo@|infra-local|oracle/;
    expect(packages.filter((name) => foreign.test(name))).toEqual([]);
    expect(mebibytes).toBeLessThan(HEAVIEST[app]);
    const own = files.filter(
      (path) => !path.startsWith('node_modules/') || /\/@tidemark\/[^/]+\/(?!node_modules)/.test(path),
    );
    const kinds = /(^|\/)(package\.json|migrations\/\w+\.sql|dist\/.+\.js)$/;
    expect(own.filter((path) => !kinds.test(path) || /\.test\.js$|\/testing\//.test(path))).toEqual([]);
  });

  it('runs on one pinned Node and as a user that is not root', () => {
    const stages = readDockerfile(join(root, `apps/${app}/Dockerfile`));
    for (const { base } of stages) expect(base).toMatch(/^node:20\.\d+\.\d+-[a-z]+-slim$/);
    expect(imageOf(app).user).toBe('node');
  });

  it('tells a good environment from a bad one', async () => {
    const env = Object.fromEntries(
      Object.entries(settings()).filter(([name]) => READS[app].some((read) => name === `TIDEMARK_${read}_URL`)),
    );
    expect(await container(app, ['--validate'], env).ended()).toMatchObject({ code: 0 });
    const { code, stderr } = await container(app, ['--validate'], {}).ended();
    expect(code).toBe(1);
    for (const read of READS[app]) expect(stderr).toContain(`  - TIDEMARK_${read}_URL is not set`);
    expect(stderr).not.toContain('    at ');
  });
});

const answer = z.object({
  metrics: z.object({ order_count: z.int() }),
  provenance: z.object({ generation: z.int().nullable() }),
});

it('started from their images the apps take in, fold, recompute, answer, and stop when they are told to', async () => {
  const [apiPort, metricsPort] = [await freePort(), await freePort()];
  const env = settings();
  const speedEnv = { ...env, TIDEMARK_HOST: '127.0.0.1', TIDEMARK_METRICS_PORT: metricsPort };
  const servingEnv = { ...env, TIDEMARK_HOST: '127.0.0.1', TIDEMARK_PORT: apiPort };
  const speed = container('speed-layer', [], speedEnv);
  const serving = container('serving-layer', [], servingEnv);
  const batch = container('batch-layer', [], env);
  const healthy = (app: AppName, own: Record<string, string>) =>
    vi.waitUntil(() => isHealthy(imageOf(app), own), { timeout: 30_000, interval: 200 });
  await Promise.all([healthy('speed-layer', speedEnv), healthy('serving-layer', servingEnv)]);
  await vi.waitUntil(() => batch.said.includes('"ready"'), { timeout: 30_000 });

  const event = {
    event_id: 'e-1',
    event_type: 'order_placed',
    customer_id: 'anna',
    occurred_at: '2026-01-05T10:00:00Z',
    order_id: 'o-1',
    total_amount: '10.00',
  };
  const sent = await container('ingest', ['send'], env, `${JSON.stringify(event)}\n`).ended();
  expect(sent, sent.stderr).toMatchObject({ code: 0 });

  const answered = (generation: number | null) =>
    vi.waitUntil(
      async () => {
        const response = await fetch(`http://127.0.0.1:${apiPort}/v1/customers/anna`);
        if (response.status !== 200) return false;
        const { metrics, provenance } = answer.parse(await response.json());
        return metrics.order_count === 1 && provenance.generation === generation;
      },
      { timeout: 20_000, interval: 100 },
    );
  await answered(null);
  const run = await container('batch-layer', ['run'], env).ended();
  expect(run, run.stderr).toMatchObject({ code: 0 });
  await answered(1);
  expect(existsSync(join(folder, 'lake', 'scratch'))).toBe(true);

  for (const each of [batch, speed, serving]) {
    const { code, stderr } = await each.stop();
    expect(code, stderr).toBe(0);
  }
});

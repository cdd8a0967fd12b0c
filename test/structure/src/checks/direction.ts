import { posix } from 'node:path';
import type { Package, Workspace } from '../workspace.ts';

/**
 * `contracts ← metrics ← ports ← adapters ← apps`: a package imports only from layers before its own. Beside metrics stand
 * the packages that know nothing of metrics or ports; their tests may use each other. The servers on this machine come
 * before the ports, whose tests use them.
 */
const LAYERS: readonly ReadonlySet<string>[] = [
  new Set(['packages/contracts', 'packages/duckdb']),
  new Set([
    'packages/embedded-postgres',
    'packages/metrics',
    'packages/oracle',
    'packages/postgres',
    'packages/runtime',
    'packages/simulator',
  ]),
  new Set(['infra/local']),
  new Set(['packages/catalog', 'packages/engine', 'packages/lake', 'packages/log', 'packages/views']),
];
const APPS = LAYERS.length;
const SYSTEM_TESTS = APPS + 1;

/** The supervisor: it starts the other apps, so it may name their entries. */
const SUPERVISOR = 'apps/tidemark';

/** Where a port's adapters live. */
const ADAPTERS = new Set(['postgres', 'local', 'duckdb', 'kafka', 'cassandra', 's3', 'spark']);

function layerOf({ folder }: Package): number | null {
  if (folder.startsWith('apps/')) return APPS;
  if (folder.startsWith('test/')) return SYSTEM_TESTS;
  const layer = LAYERS.findIndex((folders) => folders.has(folder));
  return layer < 0 ? null : layer;
}

/** Imports and declarations that point the wrong way, apps that import each other. */
export function direction(workspace: Workspace): string[] {
  const problems: string[] = [];
  for (const own of workspace.packages) {
    const layer = layerOf(own);
    if (layer === null) problems.push(`${own.folder} has no layer`);
  }
  for (const { path, imports, isTest } of workspace.sources) {
    const own = workspace.packageAt(path);
    if (!own) continue;
    for (const { specifier } of imports) {
      const target = workspace.named(packageName(specifier));
      if (!target || target === own) continue;
      const [from, to] = [layerOf(own) ?? -1, layerOf(target) ?? Number.MAX_SAFE_INTEGER];
      const entryOfApp = own.folder === SUPERVISOR && specifier === `${target.name}/main`;
      const lawful = to < from || (isTest && to === from && to < APPS) || entryOfApp;
      if (!lawful) problems.push(`${path} imports ${specifier}`);
    }
  }
  return problems;
}

/** Relative imports that leave their package, and paths of other packages that are not part of their face. */
export function climbing(workspace: Workspace): string[] {
  return workspace.sources.flatMap(({ path, imports }) => {
    const own = workspace.packageAt(path);
    if (!own) return [];
    return imports.flatMap(({ specifier }) => {
      if (specifier.startsWith('.')) {
        const target = posix.join(posix.dirname(path), specifier);
        return target.startsWith(`${own.folder}/`) ? [] : [`${path} climbs out to ${specifier}`];
      }
      const target = workspace.named(packageName(specifier));
      if (!target) return [];
      const subpath = `.${specifier.slice(target.name.length)}`;
      return target.exports.includes(subpath) ? [] : [`${path} imports ${specifier}, which is not exported`];
    });
  });
}

/** Imports into an adapter's folder from the rest of its port: `open.ts` alone, which picks the adapter, may. */
export function adapters(workspace: Workspace): string[] {
  return workspace.sources.flatMap(({ path, imports, isTest }) => {
    const own = workspace.packageAt(path);
    if (!own || isTest || layerOf(own) !== LAYERS.length - 1 || path === `${own.folder}/src/open.ts`) return [];
    const home = adapterOf(own, path);
    return imports.flatMap(({ specifier }) => {
      if (!specifier.startsWith('.')) return [];
      const target = adapterOf(own, posix.join(posix.dirname(path), specifier));
      return target === null || target === home ? [] : [`${path} imports the adapter ${specifier}`];
    });
  });
}

function adapterOf(own: Package, path: string): string | null {
  const [folder, ...rest] = path.slice(`${own.folder}/src/`.length).split('/');
  return folder !== undefined && rest.length > 0 && ADAPTERS.has(folder) ? folder : null;
}

/** `@tidemark/log` of `@tidemark/log/postgres`, `pg` of `pg/lib/x`. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

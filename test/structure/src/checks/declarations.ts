import { isBuiltin } from 'node:module';
import type { Workspace } from '../workspace.ts';
import { packageName } from './direction.ts';

/** Imports that their package does not declare; what tests alone import may be a development dependency. */
export function undeclared(workspace: Workspace): string[] {
  return workspace.sources.flatMap(({ path, imports, isTest }) => {
    const own = workspace.packageAt(path);
    if (!own) return [];
    const declared = new Set([...own.dependencies, ...(isTest ? own.devDependencies : []), own.name]);
    return imports.flatMap(({ specifier }) => {
      if (specifier.startsWith('.') || isBuiltin(specifier)) return [];
      const name = packageName(specifier);
      // Types alone of a library without its own: declared as `@types/…`.
      return declared.has(name) || declared.has(`@types/${name}`) ? [] : [`${path} imports ${name}, not declared`];
    });
  });
}

/**
 * Workspace packages that are declared and not used, or declared as a dependency where tests alone use them. A package
 * that is named in a string is used, an app by its bare name too: the supervisor resolves the apps' entries. Whole-system
 * tests declare the apps that they start.
 */
export function unused(workspace: Workspace): string[] {
  return workspace.packages.flatMap((own) => {
    const sources = workspace.sources.filter(({ path }) => path.startsWith(`${own.folder}/`));
    const product = sources.filter(({ isTest }) => !isTest || own.folder.startsWith('test/'));
    const config = workspace.files.get(`${own.folder}/vitest.config.mjs`) ?? '';
    const uses = (files: typeof sources, name: string) => {
      const target = workspace.named(name);
      const isApp = target?.folder.startsWith('apps/') === true;
      if (isApp && own.folder.startsWith('test/')) return true;
      const names = isApp ? `(?:${name}|${target?.folder.slice('apps/'.length)})` : name;
      return files.some(({ text }) => new RegExp(`['"]${names}(/[^'"]*)?['"]`).test(text));
    };
    const ofWorkspace = (names: readonly string[]) => names.filter((name) => workspace.named(name));
    return [
      ...ofWorkspace(own.dependencies)
        .filter((name) => !uses(product, name) && !servesTests(own.folder, name, config))
        .map((name) => `${own.folder} declares ${name} and does not use it`),
      ...ofWorkspace(own.devDependencies)
        .filter((name) => !uses(sources, name) && !isServer(name, config))
        .map((name) => `${own.folder} declares ${name} for development and does not use it`),
    ];
  });
}

const servesTests = (folder: string, name: string, config: string): boolean =>
  folder.startsWith('test/') && isServer(name, config);

/** The servers of vitest.shared.mjs, and the package that each comes from. */
const SERVERS: ReadonlyMap<string, string> = new Map([
  ['postgresServer', '@tidemark/embedded-postgres'],
  ['kafkaServer', '@tidemark/infra-local'],
  ['cassandraServer', '@tidemark/infra-local'],
]);

const isServer = (name: string, config: string): boolean =>
  [...SERVERS].some(([server, from]) => from === name && config.includes(server));

const startsServers = (config: string): boolean => [...SERVERS.keys()].some((server) => config.includes(server));

/** Packages whose tests start servers say so in the name of their script, so that they are never cached. */
export function serverScripts(workspace: Workspace): string[] {
  return workspace.packages.flatMap(({ folder, scripts }) => {
    const config = workspace.files.get(`${folder}/vitest.config.mjs`);
    if (config === undefined) return [];
    const tasks = scripts.filter((name) => name === 'test' || name === 'test:servers');
    const wanted = startsServers(config) ? 'test:servers' : tasks.length === 1 ? tasks[0] : 'test';
    return tasks.length === 1 && tasks[0] === wanted ? [] : [`${folder} needs the one script ${wanted}`];
  });
}

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SourceFile } from './source-file.ts';

/** A package.json, as far as structure goes. */
export type Package = {
  readonly name: string;
  /** From the root, as `packages/log`. */
  readonly folder: string;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  /** The paths others may import: `.`, `./testing`. */
  readonly exports: readonly string[];
  readonly scripts: readonly string[];
};

/** The repository as the checks see it: every text file by its path from the root, and what was parsed of them. */
export class Workspace {
  readonly files: ReadonlyMap<string, string>;
  readonly packages: readonly Package[];
  readonly sources: readonly SourceFile[];

  constructor(files: ReadonlyMap<string, string>) {
    this.files = files;
    this.packages = [...files].flatMap(([path, text]) => {
      const folder = /^((?:apps|infra|packages|test)\/[^/]+)\/package\.json$/.exec(path)?.[1];
      return folder === undefined ? [] : [packageOf(folder, text)];
    });
    this.sources = [...files]
      .filter(([path]) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .map(([path, text]) => new SourceFile(path, text));
  }

  packageAt(path: string): Package | undefined {
    return this.packages.find(({ folder }) => path.startsWith(`${folder}/`));
  }

  named(name: string): Package | undefined {
    return this.packages.find((each) => each.name === name);
  }
}

/** Everything in the repository that git would commit, without binary files. */
export function readWorkspace(root: string): Workspace {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const files = new Map<string, string>();
  for (const path of listed.split('\0')) {
    const file = join(root, path);
    if (path === '' || !existsSync(file) || !statSync(file).isFile()) continue;
    const bytes = readFileSync(file);
    if (!bytes.includes(0)) files.set(path, bytes.toString('utf8'));
  }
  return new Workspace(files);
}

function packageOf(folder: string, text: string): Package {
  const json: unknown = JSON.parse(text);
  return {
    name: String(field(json, 'name')),
    folder,
    dependencies: keys(field(json, 'dependencies')),
    devDependencies: keys(field(json, 'devDependencies')),
    exports: keys(field(json, 'exports')),
    scripts: keys(field(json, 'scripts')),
  };
}

const field = (value: unknown, name: string): unknown =>
  value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;

const keys = (value: unknown): readonly string[] =>
  value !== null && typeof value === 'object' ? Object.keys(value) : [];

import { describe, expect, it } from 'vitest';
import { serverScripts, undeclared, unused } from './checks/declarations.ts';
import { adapters, climbing, direction } from './checks/direction.ts';
import { undeclaredCodes, undocumentedCodes } from './checks/error-codes.ts';
import { purity } from './checks/purity.ts';
import { anyTypes, emptyNames, exportStars, tooLong } from './checks/style.ts';
import { deadLinks, registryHosts } from './checks/texts.ts';
import { Workspace } from './workspace.ts';

const manifest = (name: string, more: object = {}) =>
  JSON.stringify({ name: `@tidemark/${name}`, exports: { '.': '' }, scripts: { test: '' }, ...more });

/** A small workspace that breaks no rule, with some files replaced or added. */
function workspaceWith(files: Record<string, string>): Workspace {
  return new Workspace(
    new Map(
      Object.entries({
        'packages/contracts/package.json': manifest('contracts'),
        'packages/contracts/src/index.ts': 'export const a = 1;\n',
        'packages/metrics/package.json': manifest('metrics', { dependencies: { '@tidemark/contracts': '' } }),
        'packages/metrics/src/index.ts': "export { a } from '@tidemark/contracts';\n",
        'packages/log/package.json': manifest('log', { exports: { '.': '', './testing': '' } }),
        'packages/log/src/index.ts': '',
        'apps/ingest/package.json': manifest('ingest', { exports: { '.': '', './main': '' } }),
        'apps/tidemark/package.json': manifest('tidemark'),
        ...files,
      }),
    ),
  );
}

/** The check passes without the files, and finds just this with them. */
function finds(check: (workspace: Workspace) => string[], files: Record<string, string>, problems: string[]): void {
  expect(check(workspaceWith({}))).toEqual([]);
  expect(check(workspaceWith(files))).toEqual(problems);
}

describe('direction finds', () => {
  it('a package that imports from a layer after its own, a type alone too', () => {
    finds(direction, { 'packages/metrics/src/x.ts': "import type { Log } from '@tidemark/log';\n" }, [
      'packages/metrics/src/x.ts imports @tidemark/log',
    ]);
  });

  it('an import() and a re-export just as well', () => {
    const text = "export { x } from '@tidemark/log';\nawait import('@tidemark/log/testing');\n";
    finds(direction, { 'packages/contracts/src/x.ts': text }, [
      'packages/contracts/src/x.ts imports @tidemark/log',
      'packages/contracts/src/x.ts imports @tidemark/log/testing',
    ]);
  });

  it('an app that imports another, save the supervisor naming its entry', () => {
    const files = {
      'apps/tidemark/src/lawful.ts': "await import('@tidemark/ingest/main');\n",
      'apps/tidemark/src/x.ts': "import '@tidemark/ingest';\n",
      'apps/ingest/src/x.test.ts': "import '@tidemark/tidemark';\n",
    };
    finds(direction, files, [
      'apps/tidemark/src/x.ts imports @tidemark/ingest',
      'apps/ingest/src/x.test.ts imports @tidemark/tidemark',
    ]);
  });

  it('a package that has no layer yet', () => {
    finds(direction, { 'packages/new/package.json': manifest('new') }, ['packages/new has no layer']);
  });
});

describe('climbing finds', () => {
  it('a relative import that leaves its package', () => {
    finds(climbing, { 'packages/metrics/src/x.ts': "import '../../contracts/src/index.ts';\n" }, [
      'packages/metrics/src/x.ts climbs out to ../../contracts/src/index.ts',
    ]);
  });

  it('a path of another package that it does not export', () => {
    finds(climbing, { 'apps/ingest/src/x.ts': "import '@tidemark/log/src/log.ts';\n" }, [
      'apps/ingest/src/x.ts imports @tidemark/log/src/log.ts, which is not exported',
    ]);
  });
});

it('adapters finds port code that knows its adapter, save open.ts', () => {
  const files = {
    'packages/log/src/postgres/index.ts': "import './append.ts';\n",
    'packages/log/src/open.ts': "import './postgres/index.ts';\n",
    'packages/log/src/barrier.ts': "import './postgres/index.ts';\n",
  };
  finds(adapters, files, ['packages/log/src/barrier.ts imports the adapter ./postgres/index.ts']);
});

describe('declarations', () => {
  it('finds what is imported and not declared, and what only tests may import', () => {
    const files = {
      'packages/log/package.json': manifest('log', { dependencies: { pg: '' }, devDependencies: { vitest: '' } }),
      'packages/log/src/x.ts': "import 'pg';\nimport 'node:fs';\nimport 'zod';\nimport { it } from 'vitest';\n",
      'packages/log/src/x.test.ts': "import { it } from 'vitest';\n",
    };
    finds(undeclared, files, [
      'packages/log/src/x.ts imports zod, not declared',
      'packages/log/src/x.ts imports vitest, not declared',
    ]);
  });

  it('finds what is declared and not used, or used by tests alone', () => {
    const files = {
      'packages/log/package.json': manifest('log', {
        dependencies: { '@tidemark/contracts': '' },
        devDependencies: { '@tidemark/metrics': '' },
      }),
      'packages/log/src/x.test.ts': "import '@tidemark/contracts';\n",
    };
    finds(unused, files, [
      'packages/log declares @tidemark/contracts and does not use it',
      'packages/log declares @tidemark/metrics for development and does not use it',
    ]);
  });

  it('finds suites with servers under the name of cached ones, and packages with both', () => {
    const files = {
      'packages/log/vitest.config.mjs': 'export default shared(postgresServer);',
      'packages/contracts/vitest.config.mjs': 'export default shared(together(kafkaServer, { testTimeout: 1 }));',
      'apps/ingest/vitest.config.mjs': 'export default shared();',
      'apps/ingest/package.json': manifest('ingest', { scripts: { test: '', 'test:servers': '' } }),
    };
    finds(serverScripts, files, [
      'packages/contracts needs the one script test:servers',
      'packages/log needs the one script test:servers',
      'apps/ingest needs the one script test',
    ]);
  });
});

it('purity finds I/O, clocks and chance in contracts and metrics', () => {
  const text = `import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
const now = Date.now() + Math.random();
const day = new Date();
const fixed = new Date(0);
`;
  finds(
    purity,
    { 'packages/metrics/src/x.ts': text, 'packages/log/src/x.ts': text, 'packages/metrics/src/x.test.ts': text },
    [
      'packages/metrics/src/x.ts imports randomUUID of node:crypto',
      'packages/metrics/src/x.ts imports node:fs',
      'packages/metrics/src/x.ts:3 calls Date.now',
      'packages/metrics/src/x.ts:3 calls Math.random',
      'packages/metrics/src/x.ts:4 calls new Date()',
    ],
  );
});

describe('style finds', () => {
  it('files that are too long, tests later than others', () => {
    const files = {
      'packages/log/src/a.ts': '\n'.repeat(401),
      'packages/log/src/b.ts': '\n'.repeat(400),
      'packages/log/src/c.test.ts': '\n'.repeat(600),
      'scripts/d.mjs': '\n'.repeat(401),
    };
    finds(tooLong, files, [
      'packages/log/src/a.ts has 401 lines, 400 at most',
      'scripts/d.mjs has 401 lines, 400 at most',
    ]);
  });

  it('names that say nothing', () => {
    const files = {
      'packages/log/src/utils/x.ts': '',
      'packages/log/src/pool-manager.ts': '',
      'packages/log/src/mutual.ts': '',
    };
    finds(emptyNames, files, ['packages/log/src/utils/x.ts', 'packages/log/src/pool-manager.ts']);
  });

  it('export *, save under a name', () => {
    const text = "export * from './a.ts';\nexport * as b from './b.ts';\n";
    finds(exportStars, { 'packages/log/src/x.ts': text }, ['packages/log/src/x.ts exports * from ./a.ts']);
  });

  it('any as a type, not as a word', () => {
    const text = '// any\nconst any = 1;\nexport const x = (y: Record<string, any>) => [y, any];\n';
    finds(anyTypes, { 'packages/log/src/x.ts': text }, ['packages/log/src/x.ts:3 says any']);
  });
});

describe('error codes', () => {
  const declared = {
    'packages/log/src/error.ts': "export type LogErrorCode = 'TIDEMARK_LOG_A' | 'TIDEMARK_LOG_B';\n",
    'packages/runtime/package.json': manifest('runtime'),
    'packages/runtime/src/option-table.ts': "export const x = 'TIDEMARK_HOME';\n",
    'docs/errors.md': '| `TIDEMARK_LOG_A` | a | do a |\n| `TIDEMARK_LOG_B` | b | do b |\n',
  };

  it('are found where nothing declares them, or two do', () => {
    const uses =
      "const e = ['TIDEMARK_LOG_A', 'TIDEMARK_LOG_C', 'TIDEMARK_LOG_C', 'TIDEMARK_HOME', 'TIDEMARK_LOG_'];\n";
    const files = {
      ...declared,
      'packages/log/src/x.ts': uses,
      'packages/log/src/y.ts': 'const PROBLEMS = { TIDEMARK_LOG_B: 1 } as const satisfies object;\n',
    };
    finds(undeclaredCodes, files, [
      'TIDEMARK_LOG_B is declared in packages/log/src/error.ts and packages/log/src/y.ts',
      'TIDEMARK_LOG_C is declared in no error type; used in packages/log/src/x.ts and packages/log/src/x.ts',
    ]);
  });

  it('are found where they are not documented, and in the documentation where they are gone', () => {
    const text = '| `TIDEMARK_LOG_A` | a | |\n| `TIDEMARK_LOG_X` | x | do x |\n';
    finds(undocumentedCodes, { ...declared, 'docs/errors.md': text }, [
      'TIDEMARK_LOG_B is not in docs/errors.md',
      'docs/errors.md explains TIDEMARK_LOG_X, which is gone',
      'TIDEMARK_LOG_A lacks its meaning, or what to do',
    ]);
    expect(undocumentedCodes(workspaceWith(declared))).toEqual([]);
  });
});

describe('texts', () => {
  it('are found with links to nowhere', () => {
    const files = {
      'docs/a.md':
        '# A b\n[x](b.md) [y](c.md) [z](../packages/log) [v](#a-b) [w](b.md#gone) [u](https://x.y/z) `[t](t.md)`\n',
      'docs/b.md': '## There\n',
    };
    finds(deadLinks, files, [
      'docs/a.md links to c.md, which is not there',
      'docs/a.md links to b.md#gone, which has no such heading',
    ]);
  });

  it('are found with the host of a package registry in them', () => {
    const host = ['registry', 'example', 'org'].join('.');
    finds(registryHosts, { 'pnpm-lock.yaml': `tarball: https://${host}/x.tgz`, 'x.ts': 'this.registry.get(x)' }, [
      `pnpm-lock.yaml names ${host}`,
    ]);
  });
});

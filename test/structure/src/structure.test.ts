import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { serverScripts, undeclared, unused } from './checks/declarations.ts';
import { adapters, climbing, direction } from './checks/direction.ts';
import { undeclaredCodes, undocumentedCodes } from './checks/error-codes.ts';
import { purity } from './checks/purity.ts';
import { anyTypes, emptyNames, exportStars, tooLong } from './checks/style.ts';
import { deadLinks, registryHosts } from './checks/texts.ts';
import { readWorkspace } from './workspace.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const workspace = readWorkspace(root);

describe('dependencies', () => {
  it('point from apps over adapters, ports and metrics to contracts, and apps never import each other', () => {
    expect(direction(workspace)).toEqual([]);
  });

  it('go through the faces of packages: no import climbs out of its own or into the insides of another', () => {
    expect(climbing(workspace)).toEqual([]);
  });

  it('on an adapter are in one file of its port, the one that opens it', () => {
    expect(adapters(workspace)).toEqual([]);
  });

  it('are declared where they are used', () => {
    expect(undeclared(workspace)).toEqual([]);
  });

  it('on other packages of the workspace are used where they are declared', () => {
    expect(unused(workspace)).toEqual([]);
  });
});

describe('sources', () => {
  it('of contracts and metrics know no I/O, no clock and no chance', () => {
    expect(purity(workspace)).toEqual([]);
  });

  it('are short enough to be read in one go', () => {
    expect(tooLong(workspace)).toEqual([]);
  });

  it('have names that say what is inside', () => {
    expect(emptyNames(workspace)).toEqual([]);
  });

  it('list what they export', () => {
    expect(exportStars(workspace)).toEqual([]);
  });

  it('never say any', () => {
    expect(anyTypes(workspace)).toEqual([]);
  });
});

describe('error codes', () => {
  it('are declared in one error type each', () => {
    expect(undeclaredCodes(workspace)).toEqual([]);
  });

  it('are documented, with what to do, and none that is gone', () => {
    expect(undocumentedCodes(workspace)).toEqual([]);
  });
});

describe('texts', () => {
  it('link to what is there', () => {
    expect(deadLinks(workspace)).toEqual([]);
  });

  it('show the definition that there is', () => {
    const golden: unknown = JSON.parse(workspace.files.get('packages/metrics/corpus/golden.json') ?? '');
    const readme = workspace.files.get('README.md') ?? '';
    const [, id] = /"definition": "(\w+)"/.exec(readme) ?? [];
    expect(golden).toMatchObject({ definition: { id } });
  });

  it('name no package registry', () => {
    expect(registryHosts(workspace)).toEqual([]);
  });
});

describe('tests', () => {
  it('with servers are never cached: their script says so', () => {
    expect(serverScripts(workspace)).toEqual([]);
  });

  const patches = [...workspace.files].filter(
    ([path]) => path.startsWith('test/mutations/') && path.endsWith('.patch'),
  );

  it.each(patches)('can be tried with %s', (path, text) => {
    expect(text).toMatch(/^# Breaks: .+\n(# .+\n)*# Test: (apps|packages|test)\/\S+ \S+/);
    const { status, stderr } = spawnSync('git', ['apply', '--check', path], { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

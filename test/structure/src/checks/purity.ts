import { isBuiltin } from 'node:module';
import { type Node, Visitor } from 'oxc-parser';
import type { SourceFile } from '../source-file.ts';
import type { Workspace } from '../workspace.ts';

const PURE = ['packages/contracts/', 'packages/metrics/'];

/** What has neither I/O nor chance in it. */
const ALLOWED_BUILTINS = new Set(['node:crypto']);
const CHANCE = /^random|^getRandomValues$|^webcrypto$|^generate/;

/** Calls that answer something else every time. */
const CLOCKS_AND_CHANCE = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.randomUUID',
  'process.hrtime',
]);

/** I/O, clocks and chance in the packages whose answers must depend on their input alone. */
export function purity(workspace: Workspace): string[] {
  return workspace.sources
    .filter(({ path, isTest }) => !isTest && PURE.some((folder) => path.startsWith(folder)))
    .flatMap((file) => [...impureImports(file), ...impureCalls(file)]);
}

function impureImports({ path, imports }: SourceFile): string[] {
  return imports.flatMap(({ specifier, names }) => {
    if (!isBuiltin(specifier)) return [];
    if (!ALLOWED_BUILTINS.has(specifier)) return [`${path} imports ${specifier}`];
    return names.filter((name) => CHANCE.test(name)).map((name) => `${path} imports ${name} of ${specifier}`);
  });
}

function impureCalls(file: SourceFile): string[] {
  const problems: string[] = [];
  const report = (what: string, { start }: { start: number }) =>
    problems.push(`${file.path}:${file.lineOf(start)} calls ${what}`);
  new Visitor({
    CallExpression(node) {
      const name = nameOf(node.callee);
      if (name !== null && (CLOCKS_AND_CHANCE.has(name) || name === 'Date' || name === 'fetch')) report(name, node);
    },
    NewExpression(node) {
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) report('new Date()', node);
    },
  }).visit(file.program);
  return problems;
}

function nameOf(node: Node): string | null {
  if (node.type === 'Identifier') return node.name;
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier') return null;
  const object = nameOf(node.object);
  return object === null ? null : `${object}.${node.property.name}`;
}

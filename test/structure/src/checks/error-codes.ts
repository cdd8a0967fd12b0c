import { Visitor } from 'oxc-parser';
import type { SourceFile } from '../source-file.ts';
import type { Workspace } from '../workspace.ts';

const CODE = /^TIDEMARK_[A-Z0-9_]*[A-Z0-9]$/;

/** Settings have names of the same form; these files declare them. */
const SETTINGS = new Set(['packages/runtime/src/option-table.ts']);
const TEST_SETTINGS = ['TIDEMARK_SEED', 'TIDEMARK_TEST_RUN'];

export const ERRORS_DOCUMENT = 'docs/errors.md';

type Occurrence = { readonly code: string; readonly path: string };

/** Codes used in sources that no error type declares, and codes declared twice. */
export function undeclaredCodes(workspace: Workspace): string[] {
  const { used, declared, settings } = codesOf(workspace);
  const problems: string[] = [];
  const inTypes = countBy(declared);
  for (const [code, paths] of inTypes)
    if (paths.length > 1) problems.push(`${code} is declared in ${paths.join(' and ')}`);
  for (const [code, paths] of countBy(used)) {
    if (inTypes.has(code) || settings.has(code)) continue;
    // Of an error with a code of its own, the one place that raises it is its declaration.
    if (paths.length > 1) problems.push(`${code} is declared in no error type; used in ${paths.join(' and ')}`);
  }
  return problems;
}

/** Codes that the documentation lacks, or explains without need or reason. */
export function undocumentedCodes(workspace: Workspace): string[] {
  const { used, declared, settings } = codesOf(workspace);
  const declaredCodes = new Set(declared.map(({ code }) => code));
  const all = new Set([...declaredCodes, ...used.map(({ code }) => code).filter((code) => !settings.has(code))]);
  const text = workspace.files.get(ERRORS_DOCUMENT) ?? '';
  const rows = [...text.matchAll(/^\| `(TIDEMARK_\w+)` \|(.*)\|(.*)\|$/gm)];
  const documented = rows.map(([, code = '']) => code);
  return [
    ...[...all].filter((code) => !documented.includes(code)).map((code) => `${code} is not in ${ERRORS_DOCUMENT}`),
    ...documented.filter((code) => !all.has(code)).map((code) => `${ERRORS_DOCUMENT} explains ${code}, which is gone`),
    ...documented.filter((code, at) => documented.indexOf(code) !== at).map((code) => `${code} is explained twice`),
    ...rows
      .filter(([, , meaning = '', remedy = '']) => meaning.trim() === '' || remedy.trim() === '')
      .map(([, code]) => `${code} lacks its meaning, or what to do`),
  ];
}

function codesOf(workspace: Workspace) {
  const sources = workspace.sources.filter(({ isTest }) => !isTest);
  const inTable = sources.filter(({ path }) => SETTINGS.has(path)).flatMap(literals);
  const settings = new Set([...TEST_SETTINGS, ...inTable.map(({ code }) => code)]);
  const product = sources.filter(({ path }) => !SETTINGS.has(path));
  return { used: product.flatMap(literals), declared: product.flatMap(declarations), settings };
}

function literals({ path, program }: SourceFile): Occurrence[] {
  const found: Occurrence[] = [];
  new Visitor({
    Literal(node) {
      if (typeof node.value === 'string' && CODE.test(node.value)) found.push({ code: node.value, path });
    },
    Property(node) {
      if (node.key.type === 'Identifier' && CODE.test(node.key.name)) found.push({ code: node.key.name, path });
    },
  }).visit(program);
  return found;
}

/** The members of `type …ErrorCode = 'A' | 'B'`, and the keys of a table `PROBLEMS`. */
function declarations({ path, program }: SourceFile): Occurrence[] {
  const found: Occurrence[] = [];
  const declare = (code: unknown) => {
    if (typeof code === 'string' && CODE.test(code)) found.push({ code, path });
  };
  new Visitor({
    TSTypeAliasDeclaration({ id, typeAnnotation }) {
      if (!id.name.endsWith('ErrorCode')) return;
      const members = typeAnnotation.type === 'TSUnionType' ? typeAnnotation.types : [typeAnnotation];
      for (const member of members)
        if (member.type === 'TSLiteralType' && member.literal.type === 'Literal') declare(member.literal.value);
    },
    VariableDeclarator({ id, init }) {
      if (id.type !== 'Identifier' || id.name !== 'PROBLEMS' || init === null) return;
      let table = init;
      while (table.type === 'TSSatisfiesExpression' || table.type === 'TSAsExpression') table = table.expression;
      if (table.type !== 'ObjectExpression') return;
      for (const property of table.properties)
        if (property.type === 'Property' && property.key.type === 'Identifier') declare(property.key.name);
    },
  }).visit(program);
  return found;
}

function countBy(occurrences: readonly Occurrence[]): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const { code, path } of occurrences) paths.set(code, [...(paths.get(code) ?? []), path]);
  return paths;
}

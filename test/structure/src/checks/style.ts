import { Visitor } from 'oxc-parser';
import type { Workspace } from '../workspace.ts';

const MAX_LINES = 400;
const MAX_TEST_LINES = 600;
const CODE = /\.(ts|mjs|js)$/;

/** Names that say nothing of what is inside. */
const EMPTY_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager', 'managers']);

export function tooLong(workspace: Workspace): string[] {
  return [...workspace.files].flatMap(([path, text]) => {
    if (!CODE.test(path)) return [];
    const lines = text.split('\n').length - 1;
    const limit = path.endsWith('.test.ts') ? MAX_TEST_LINES : MAX_LINES;
    return lines > limit ? [`${path} has ${lines} lines, ${limit} at most`] : [];
  });
}

export function emptyNames(workspace: Workspace): string[] {
  return [...workspace.files.keys()].filter((path) =>
    path
      .toLowerCase()
      .split(/[/.\-_]/)
      .some((word) => EMPTY_NAMES.has(word)),
  );
}

export function exportStars(workspace: Workspace): string[] {
  return workspace.sources.flatMap(({ path, exportsAllOf }) =>
    exportsAllOf.map((specifier) => `${path} exports * from ${specifier}`),
  );
}

export function anyTypes(workspace: Workspace): string[] {
  return workspace.sources.flatMap((file) => {
    const problems: string[] = [];
    new Visitor({
      TSAnyKeyword({ start }) {
        problems.push(`${file.path}:${file.lineOf(start)} says any`);
      },
    }).visit(file.program);
    return problems;
  });
}

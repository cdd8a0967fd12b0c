import { posix } from 'node:path';
import type { Workspace } from '../workspace.ts';

const LINK = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;

/** Links of the documentation to files or headings that are not there. */
export function deadLinks(workspace: Workspace): string[] {
  return [...workspace.files].flatMap(([path, text]) => {
    if (!path.endsWith('.md')) return [];
    return [...withoutCode(text).matchAll(LINK)].flatMap(([, link = '']) => {
      if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
      const [to = '', anchor] = link.split('#');
      const target = to === '' ? path : posix.join(posix.dirname(path), decodeURI(to)).replace(/\/$/, '');
      const found = workspace.files.get(target);
      const isFolder = [...workspace.files.keys()].some((file) => file.startsWith(`${target}/`));
      if (found === undefined && !isFolder) return [`${path} links to ${link}, which is not there`];
      if (anchor === undefined || found === undefined || !target.endsWith('.md')) return [];
      return headings(found).has(anchor) ? [] : [`${path} links to ${link}, which has no such heading`];
    });
  });
}

/** The anchors of a document's headings, as GitHub names them. */
function headings(text: string): ReadonlySet<string> {
  const titles = [...withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const withoutCode = (text: string): string =>
  text.replace(/^(```|~~~)[^\n]*\n.*?^\1/gms, '').replace(/`[^`\n]*`/g, 'x');

/** A package registry's host: where packages come from is the business of who installs them. */
const REGISTRY_HOST =
  /\b(?:[\w-]+\.)*(?:registry|artifactory|nexus|verdaccio|npm|npmmirror|pypi|jfrog)\.(?:[\w-]+\.)*(?:org|com|net|io|dev|local|internal|corp|cloud)\b/g;

export function registryHosts(workspace: Workspace): string[] {
  return [...workspace.files].flatMap(([path, text]) =>
    [...text.matchAll(REGISTRY_HOST)].map(([host]) => `${path} names ${host}`),
  );
}

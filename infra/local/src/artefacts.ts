import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cachedFolder } from './cached-folder.ts';
import { runMaven } from './maven.ts';
import { type ServerName, shipped } from './shipped.ts';

export type ArtefactOptions = {
  /** Told what is going on when that takes a while. */
  readonly say?: (text: string) => void;
  /** Where files are kept between runs. Default: `$XDG_CACHE_HOME/tidemark` or `~/.cache/tidemark`. */
  readonly cache?: string;
  /** Ends the fetching. */
  readonly signal?: AbortSignal;
};

/**
 * The folder with a server's jars, fetched by Maven at first (20 to 40 s, about 50 MB). One folder for each version of
 * the pom; it appears whole or not at all, so several may do this at once. Throws `TIDEMARK_INFRA_TOOLS` without Maven,
 * `TIDEMARK_INFRA_ARTEFACTS` with Maven's last lines when it failed.
 */
export async function resolveArtefacts(server: ServerName, options: ArtefactOptions = {}): Promise<string> {
  const name = cacheName(server);
  return await cachedFolder(name, (folder) => fetchInto(folder, server, options), options.cache);
}

function cacheName(server: ServerName): string {
  const pom = readFileSync(shipped.pom(server), 'utf8');
  const version = /<dependency>.*?<version>([^<]+)</s.exec(pom)?.[1] ?? 'unknown';
  return `${server}-${version}-${createHash('sha256').update(pom).digest('hex').slice(0, 8)}`;
}

async function fetchInto(
  folder: string,
  server: ServerName,
  { say = () => {}, signal }: ArtefactOptions,
): Promise<void> {
  say(`fetching ${server}'s files with Maven, once: about half a minute`);
  let files = 0;
  await runMaven({
    pom: shipped.pom(server),
    args: ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`],
    cwd: folder,
    purpose: `bring the files of ${server}`,
    onLine: (line) => {
      if (!/Downloaded.*\.jar/.test(line)) return;
      files += 1;
      if (files % 10 === 0) say(`fetching ${server}'s files: ${files} so far`);
    },
    signal,
  });
}

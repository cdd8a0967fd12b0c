import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { cachedFolder } from './cached-folder.ts';
import { InfraError } from './error.ts';
import { findMaven } from './java.ts';
import { identify, isAlive } from './process-identity.ts';
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
  return await cachedFolder(name, (folder) => fetchInto(folder, server, findMaven(), options), options.cache);
}

function cacheName(server: ServerName): string {
  const pom = readFileSync(shipped.pom(server), 'utf8');
  const version = /<dependency>.*?<version>([^<]+)</s.exec(pom)?.[1] ?? 'unknown';
  return `${server}-${version}-${createHash('sha256').update(pom).digest('hex').slice(0, 8)}`;
}

async function fetchInto(
  folder: string,
  server: ServerName,
  maven: string,
  { say = () => {}, signal }: ArtefactOptions,
): Promise<void> {
  say(`fetching ${server}'s files with Maven, once: about half a minute`);
  const args = ['-B', '-f', shipped.pom(server), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  const child = spawn(maven, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  // Ends with us: an interrupted start must not leave it running.
  const identity = child.pid === undefined ? null : identify(child.pid);
  const end = () => identity !== null && isAlive(identity) && child.kill('SIGKILL');
  process.once('exit', end);
  signal?.addEventListener('abort', end);
  const lines: string[] = [];
  let files = 0;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > 30) lines.shift();
      if (!/Downloaded.*\.jar/.test(line)) return;
      files += 1;
      if (files % 10 === 0) say(`fetching ${server}'s files: ${files} so far`);
    });
  }
  const code = await new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', done);
  });
  process.off('exit', end);
  signal?.removeEventListener('abort', end);
  if (code === 0) return;
  signal?.throwIfAborted();
  throw new InfraError(
    'TIDEMARK_INFRA_ARTEFACTS',
    `Maven could not bring the files of ${server} (${code}). Is its repository reachable?\n${lines.join('\n')}`,
    { retryable: true },
  );
}

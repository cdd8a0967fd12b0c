import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { ArtefactOptions } from './artefacts.ts';
import { cachedFolder } from './cached-folder.ts';
import { runMaven } from './maven.ts';

/**
 * The folder with what Maven's `package` makes of a project, built at first: its pom puts everything into the folder that
 * the property `out` names. One folder for each content of pom and `src`, named after the project's own. Throws
 * `TIDEMARK_INFRA_TOOLS` without Maven, `TIDEMARK_INFRA_ARTEFACTS` with its last lines when it failed.
 */
export async function packagedByMaven(project: string, options: ArtefactOptions = {}): Promise<string> {
  const { say = () => {}, cache, signal } = options;
  return await cachedFolder(
    `maven-${basename(project)}-${contentHash(project)}`,
    async (making) => {
      say(`building ${project} with Maven, once: about half a minute`);
      const args = ['package', `-Dout=${making}`];
      await runMaven({ pom: join(project, 'pom.xml'), args, cwd: making, purpose: `build ${project}`, signal });
    },
    cache,
  );
}

function contentHash(project: string): string {
  const hash = createHash('sha256');
  for (const file of [join(project, 'pom.xml'), ...filesBelow(join(project, 'src'))])
    hash.update(`${relative(project, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 8);
}

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());

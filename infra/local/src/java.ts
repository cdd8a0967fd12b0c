import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from './error.ts';

const MIN_JAVA = 17;

/** Who needs Java, and the newest version that serves. */
export type JavaNeed = { readonly who: string; readonly newest: number };

/** Cassandra 5.0 needs Java's security manager, which Java 24 took out. */
const BOTH_SERVERS: JavaNeed = { who: 'Kafka and Cassandra', newest: 23 };

const HOW_TO_GET = `Get them with
  Debian, Ubuntu   apt-get install openjdk-17-jre-headless maven
  macOS            brew install openjdk@17 maven`;

/** Where Java installations are besides JAVA_HOME and the path: Debian, Fedora; macOS; Homebrew on both of its places. */
const HOMES = [
  { folder: '/usr/lib/jvm', java: 'bin/java' },
  { folder: '/Library/Java/JavaVirtualMachines', java: 'Contents/Home/bin/java' },
  { folder: '/opt/homebrew/opt', java: 'bin/java', only: /^openjdk@/ },
  { folder: '/usr/local/opt', java: 'bin/java', only: /^openjdk@/ },
];

type Env = Readonly<Record<string, string | undefined>>;

/** The version's first number: 17 for `17.0.15`, 8 for `1.8.0`. Null when the file is no Java that runs. */
function versionOf(java: string, env: Env): number | null {
  const { status, stderr } = spawnSync(java, ['-version'], { encoding: 'utf8', env: { ...env } });
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(status === 0 ? stderr : '') ?? [];
  return first === undefined ? null : Number(first === '1' ? second : first);
}

function candidates(env: Env, homes: typeof HOMES): readonly string[] {
  const installed = homes.flatMap(({ folder, java, only }) =>
    (existsSync(folder) ? readdirSync(folder).sort() : [])
      .filter((name) => only?.test(name) ?? true)
      .map((name) => join(folder, name, java))
      .filter((path) => existsSync(path)),
  );
  return [...(env.JAVA_HOME ? [join(env.JAVA_HOME, 'bin', 'java')] : []), 'java', ...installed];
}

/** A Java that runs both servers, or what else is asked for. Throws `TIDEMARK_INFRA_TOOLS` that says how to get one. */
export function findJava(env: Env = process.env, homes = HOMES, { who, newest } = BOTH_SERVERS): string {
  const seen = new Set<number>();
  for (const java of candidates(env, homes)) {
    const version = versionOf(java, env);
    if (version !== null && version >= MIN_JAVA && version <= newest) return java;
    if (version !== null) seen.add(version);
  }
  const found = seen.size === 0 ? 'none was found' : `only ${[...seen].join(' and ')} was found`;
  throw new InfraError(
    'TIDEMARK_INFRA_TOOLS',
    `For ${who} it takes Java ${newest === MIN_JAVA ? MIN_JAVA : `${MIN_JAVA} to ${newest}`}, and ${found}. ${HOW_TO_GET}`,
  );
}

/** Maven, which brings the servers' files. Throws `TIDEMARK_INFRA_TOOLS` when it is not on the path. */
export function findMaven(env: Env = process.env): string {
  if (spawnSync('mvn', ['--version'], { stdio: 'ignore', env: { ...env } }).status === 0) return 'mvn';
  throw new InfraError(
    'TIDEMARK_INFRA_TOOLS',
    `The files of Kafka and Cassandra are fetched by Maven, which is not here. ${HOW_TO_GET}`,
  );
}

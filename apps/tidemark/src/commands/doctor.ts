import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openCatalog } from '@tidemark/catalog';
import { openSession } from '@tidemark/duckdb';
import { Lake, type LakeFile, type LakeStorage, openWorkingFolder } from '@tidemark/lake';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { applyOptions, readOptions } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import type { Command } from 'commander';
import { ask } from '../api.ts';
import { bytes, count } from '../console/quantity.ts';
import { printable } from '../console/table.ts';
import { readable } from '../error.ts';
import { probePort } from '../supervisor/port-probe.ts';
import { apiOf, findSystem, SYSTEM_OPTIONS, type System, type SystemStores, storesOf } from '../system.ts';

type Finding = { readonly check: string; readonly result: 'ok' | 'warning' | 'problem'; readonly detail: string };

const EXAMPLES = `
Examples:
  tidemark doctor                  before a start or while it runs
  tidemark doctor --deep           reads every file of the lake and compares its hash
  tidemark doctor --json           one finding a line

Exit codes: 0 no problem found, 1 at least one.`;

const MIN_FREE_BYTES = 2_000_000_000;

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('Look for what could keep Tidemark from working.')
    .option('--deep', "also compare the lake's files with their hashes", false)
    .option('--json', 'NDJSON on stdout', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, [...SYSTEM_OPTIONS, 'host', 'port']).action((flags: { deep: boolean; json: boolean }) =>
    examine(flags),
  );
}

async function examine(flags: { readonly deep: boolean; readonly json: boolean }): Promise<void> {
  const system = findSystem(process.env, flags);
  const marks = { ok: '✓', warning: '!', problem: '✗' } as const;
  for await (const { check, result, detail } of findings(system, flags)) {
    if (result === 'problem') process.exitCode = 1;
    const text = `  ${marks[result]} ${check.padEnd(14)} ${printable(detail)}`;
    process.stdout.write(`${flags.json ? JSON.stringify({ check, result, detail }) : text}\n`);
  }
}

async function* findings(system: System, flags: { readonly deep: boolean }): AsyncGenerator<Finding> {
  yield nodeVersion();
  yield folderRights(system.home);
  yield diskSpace(system.home);
  if (system.running === null && system.options.apiUrl === undefined) {
    yield await freePort(flags);
    yield { check: 'system', result: 'warning', detail: `nothing runs in ${system.home}; \`tidemark up\` starts it` };
  } else {
    yield await finding('api', async () => {
      const apiUrl = apiOf(system);
      const { status } = await ask(apiUrl, '/readyz');
      if (status !== 200) throw new Error(`${apiUrl} answers, but is not ready (status ${status})`);
      return `${apiUrl} is ready`;
    });
  }
  let stores: SystemStores;
  try {
    stores = storesOf(system);
  } catch {
    return;
  }
  yield* storeFindings(stores);
  if (flags.deep) yield await finding('lake files', () => verifyLake(stores));
}

async function finding(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { check, result: 'ok', detail: await look() };
  } catch (error) {
    return { check, result: 'problem', detail: readable(error) };
  }
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isOk = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.version}${isOk ? '' : '; Tidemark needs 20.19 or later'}`;
  return { check: 'node', result: isOk ? 'ok' : 'problem', detail };
}

/** The folder, or the nearest one above it that is there. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

function folderRights(home: string): Finding {
  try {
    accessSync(existing(home), constants.R_OK | constants.W_OK | constants.X_OK);
    return { check: 'folder', result: 'ok', detail: `${home} ${existsSync(home) ? 'can be written' : 'can be made'}` };
  } catch (error) {
    return { check: 'folder', result: 'problem', detail: readable(error, home) };
  }
}

function diskSpace(home: string): Finding {
  const { bavail, bsize } = statfsSync(existing(home));
  const free = bavail * bsize;
  return { check: 'disk', result: free < MIN_FREE_BYTES ? 'warning' : 'ok', detail: `${bytes(free)} free` };
}

function freePort(flags: Readonly<Record<string, unknown>>): Promise<Finding> {
  return finding('port', async () => {
    const { host, port } = readOptions(['host', 'port'], { env: process.env, flags });
    await probePort(host, port);
    return `${port} on ${host} is free`;
  });
}

async function* storeFindings(stores: SystemStores): AsyncGenerator<Finding> {
  const definition = define(stores.currency);
  yield await finding('log', async () => {
    const log = await openLog(stores.logUrl);
    try {
      return `reachable, ${(await log.partitions()).length} partitions`;
    } finally {
      await log.close();
    }
  });
  yield await finding('views', async () => {
    const store = await openViews(stores.viewsUrl);
    try {
      const serving = await store.serving();
      if (serving !== null && serving.serving !== definition.id) {
        throw new Error(
          `they serve definition ${serving.serving}, this code is ${definition.id}: start it again with \`tidemark up\`, or change it live with \`tidemark definition\``,
        );
      }
      return `reachable, definition ${definition.id}`;
    } finally {
      await store.close();
    }
  });
  yield await finding('catalog', async () => {
    const catalog = await openCatalog(stores.catalogUrl);
    try {
      return `reachable, imports: ${count((await catalog.imports()).length)}`;
    } finally {
      await catalog.close();
    }
  });
  yield await finding('lake', async () => {
    const storage = await openStorage(stores.lakeUrl);
    return `${count((await storage.list('')).length)} files`;
  });
}

/** Reads every file that the manifest names, and compares. */
async function verifyLake({ lakeUrl }: SystemStores): Promise<string> {
  const storage = await openStorage(lakeUrl);
  const folder = await openWorkingFolder(storage, 'doctor');
  const session = await openSession({ memoryLimit: '256MB', threads: 1, tempFolder: folder.path });
  try {
    const lake = new Lake(storage, session);
    const imports = await lake.imports();
    const files = [
      ...(await lake.ranges()).map(({ file }) => file),
      ...imports.flatMap(({ file, quarantine }) => [file, quarantine ?? null]),
    ].filter((file) => file !== null);
    const damaged: string[] = [];
    for (const file of files) if (!(await isWhole(storage, file))) damaged.push(file.path);
    if (damaged.length > 0) {
      throw new Error(`${damaged.join(', ')}: not the bytes that were written. Restore from a backup.`);
    }
    return `${count(files.length)} files hold what was written`;
  } finally {
    session.close();
    await folder.remove();
  }
}

async function isWhole(storage: LakeStorage, { path, sha256 }: LakeFile): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of storage.chunks(path)) hash.update(chunk);
  } catch {
    return false;
  }
  return hash.digest('hex') === sha256;
}

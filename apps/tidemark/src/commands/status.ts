import { stat } from 'node:fs/promises';
import { openCatalog } from '@tidemark/catalog';
import { openStorage } from '@tidemark/lake/open';
import { openLog } from '@tidemark/log/open';
import { define } from '@tidemark/metrics';
import { applyOptions } from '@tidemark/runtime';
import { openViews } from '@tidemark/views/open';
import type { Command } from 'commander';
import { bytes, count, duration } from '../console/quantity.ts';
import { table } from '../console/table.ts';
import { definitionTable } from '../definitions/definition-table.ts';
import { listDefinitions } from '../definitions/definitions.ts';
import { readLag } from '../lag.ts';
import { findSystem, SYSTEM_OPTIONS, type System, type SystemStores, storesOf } from '../system.ts';

const EXAMPLES = `
Examples:
  tidemark status
  tidemark status --json | jq .partitions

Exit codes: 0 told, 1 nothing runs or a store does not answer.`;

export function statusCommand(program: Command): void {
  const command = program
    .command('status')
    .description('What runs, how far it is, and what was turned away.')
    .option('--json', 'one JSON document on stdout', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, SYSTEM_OPTIONS).action(async (flags: { json: boolean }) => {
    const status = await readStatus(findSystem(process.env, flags));
    process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : `\n${statusText(status)}\n`);
  });
}

type Status = Awaited<ReturnType<typeof readStatus>>;

/** Everything there is to tell, as it is printed with --json. */
async function readStatus(system: System) {
  const { running, home } = system;
  const stores = storesOf(system);
  const nowMs = Date.now();
  return {
    home,
    kind: running?.kind ?? null,
    ready: running?.ready ?? null,
    started_at: running?.startedAt ?? null,
    api_url: system.options.apiUrl ?? running?.apiUrl ?? null,
    currency: stores.currency,
    supervisor_pid: running?.pid ?? null,
    processes: running?.processes ?? [],
    ...(await readStores(stores, nowMs)),
    lake: await lakeSize(stores.lakeUrl),
  };
}

async function readStores({ logUrl, viewsUrl, catalogUrl, currency }: SystemStores, nowMs: number) {
  const definition = define(currency);
  const log = await openLog(logUrl);
  const store = await openViews(viewsUrl);
  const catalog = await openCatalog(catalogUrl);
  try {
    // Looking makes nothing: beside other code there may be no tables of this one's definition.
    const views = await store.find(definition.id);
    const pointer = (await views?.pointer()) ?? null;
    const lag = await readLag(log, { positions: async () => (await views?.positions()) ?? new Map() });
    return {
      definition: definition.id,
      served: (await store.serving())?.serving ?? null,
      definitions: await listDefinitions({ store, log }, nowMs),
      generation: pointer?.generation ?? null,
      floor: pointer?.floor ?? null,
      publishing: pointer?.publishing ?? null,
      published_at: pointer === null ? null : new Date(pointer.publishedAtMs).toISOString(),
      partitions: lag.map(({ partition, position, end, waitingSinceMs }) => ({
        partition,
        position: position?.toString() ?? null,
        end: end.toString(),
        staleness_ms: waitingSinceMs === null ? 0 : Math.max(0, nowMs - waitingSinceMs),
      })),
      imports: (await catalog.imports()).map(({ number, file, source, counts, atMs }) => ({
        number,
        file,
        source,
        counts,
        imported_at: new Date(atMs).toISOString(),
      })),
      dead_letters: asRecord((await views?.countDeadLetters()) ?? new Map()),
      unknown_fields: asRecord(await catalog.unknownFields()),
    };
  } finally {
    await Promise.all([log.close(), store.close(), catalog.close()]);
  }
}

const asRecord = (counts: ReadonlyMap<string, bigint>): Record<string, string> =>
  Object.fromEntries([...counts].map(([name, times]) => [name, times.toString()]));

async function lakeSize(lakeUrl: string): Promise<{ files: number; bytes: number }> {
  const storage = await openStorage(lakeUrl);
  let size = 0;
  const files = await storage.list('');
  for (const path of files) {
    // A snapshot may be cleaned away meanwhile.
    size += (await stat(storage.locate(path)).catch(() => null))?.size ?? 0;
  }
  return { files: files.length, bytes: size };
}

function statusText(status: Status): string {
  const ago = (time: string | null) => (time === null ? 'never' : `${duration(Date.now() - Date.parse(time))} ago`);
  const right = (title: string) => ({ title, align: 'right' as const });
  const sections: [string, string][] = [
    [
      'System',
      table(
        [{ title: '' }, { title: '' }],
        [
          ['folder', `${status.home}${status.kind === 'demo' ? ' (demo)' : ''}`],
          ['api', status.api_url ?? '–'],
          [
            'state',
            status.ready === null
              ? 'not run from here'
              : status.ready
                ? `ready, started ${ago(status.started_at)}`
                : 'starting',
          ],
          ['money', status.currency],
          ['definition', definitionText(status)],
          ['generation', generationText(status, ago)],
          ['lake', `${bytes(status.lake.bytes)} in ${count(status.lake.files)} files`],
        ],
      ),
    ],
    [
      'Processes',
      table(
        [{ title: 'name' }, right('pid'), { title: 'state' }, right('restarts')],
        [
          ...(status.supervisor_pid === null ? [] : [['supervisor', String(status.supervisor_pid), 'running', '0']]),
          ...status.processes.map(({ name, pid, state, restarts }) => [
            name,
            pid?.toString() ?? '–',
            state,
            String(restarts),
          ]),
        ],
      ),
    ],
    [
      'Partitions',
      table(
        [right('partition'), right('folded'), right('end'), right('behind')],
        status.partitions.map(({ partition, position, end, staleness_ms }) => [
          String(partition),
          position ?? '–',
          end,
          staleness_ms === 0 ? 'level' : duration(staleness_ms),
        ]),
      ),
    ],
    ['Definitions', definitionTable(status.definitions)],
    [
      'Imports',
      table(
        [right('number'), { title: 'file' }, { title: 'source' }, { title: '' }, { title: '' }],
        status.imports.map(({ number, file, source, counts, imported_at }) => [
          String(number),
          file,
          source,
          Object.entries(counts)
            .map(([name, times]) => `${name} ${count(BigInt(times))}`)
            .join(', '),
          ago(imported_at),
        ]),
      ),
    ],
    ['Dead letters', countsTable(status.dead_letters)],
    ['Unknown fields', countsTable(status.unknown_fields)],
  ];
  return sections.map(([title, body]) => `${title}\n${body === '' ? '  none' : body}\n`).join('\n');
}

const countsTable = (counts: Readonly<Record<string, string>>): string => {
  const rows = Object.entries(counts).map(([name, times]) => [name, count(BigInt(times))]);
  return rows.length === 0 ? '' : table([{ title: '' }, { title: '', align: 'right' }], rows);
};

function definitionText({ definition, served }: Status): string {
  if (served === null || served === definition) return definition;
  return `${definition}, but ${served} is served: start again with \`tidemark up\`, or change it live with \`tidemark definition\``;
}

function generationText(
  { generation, floor, publishing, published_at }: Status,
  ago: (time: string | null) => string,
): string {
  if (generation === null) return 'none yet';
  const paused = publishing === 'paused' ? '; publishing is paused until `tidemark batch publish`' : '';
  return `${generation}, live since ${ago(published_at).replace(' ago', '')}; readable from ${floor}${paused}`;
}

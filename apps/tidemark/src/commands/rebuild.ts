import { applyOptions, toEnv } from '@tidemark/runtime';
import type { Command } from 'commander';
import { missingText, outcomeSchema, RUN_STEPS } from '../apps/batch-outcome.ts';
import { runForResult } from '../apps/one-run.ts';
import { count, duration } from '../console/quantity.ts';
import { stepBar } from '../console/step-bar.ts';
import { openDataFolder, storedIdentity } from '../home/data-folder.ts';
import { readUpSettings, serversOf, UP_OPTIONS, type UpSettings } from '../supervisor/settings.ts';
import { type Stores, startStores } from '../supervisor/stores.ts';

const EXAMPLES = `
Makes the views and the catalog anew from what can't be derived: the lake and the log. For when the view store or the
catalog was lost or damaged, or retention ran past a stopped speed layer. Stop everything first (a folder's system with
Ctrl-C, deployed apart the speed and batch layers); until the rebuild is done nothing is answered. Then start as usual.

Examples:
  tidemark rebuild                    the system in .tidemark
  tidemark rebuild --home /data/shop  another folder's
  tidemark rebuild --log-url … --views-url … --catalog-url … --lake-url …

Exit codes: 0 rebuilt, 1 not rebuilt.`;

type Flags = { readonly json: boolean; readonly acceptDataLoss: boolean };

export function rebuildCommand(program: Command): void {
  const command = program
    .command('rebuild')
    .description('Make views and catalog anew from lake and log.')
    .option('--json', 'one JSON document on stdout', false)
    .option('--accept-data-loss', 'go on where the log forgot records before they were landed', false)
    .addHelpText('after', EXAMPLES);
  applyOptions(command, UP_OPTIONS).action((flags: Flags) => run(readUpSettings(process.env, flags, false), flags));
}

async function run(settings: UpSettings, { json, acceptDataLoss }: Flags): Promise<void> {
  const stop = new AbortController();
  // The child hears a Ctrl-C itself; here it ends what is beside it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort(new Error('stopped')));
  await withStores(settings, stop.signal, async ({ logUrl, viewsUrl, catalogUrl, lakeUrl }) => {
    const env = { ...process.env, ...toEnv({ ...settings, logUrl, viewsUrl, catalogUrl, lakeUrl }) };
    const bar = stepBar(RUN_STEPS);
    try {
      const onProgress = ({ step = '', detail = '' }) => bar.at(step, detail === 'begins' ? '' : detail);
      const result = await runForResult({
        app: 'batch-layer',
        args: acceptDataLoss ? ['rebuild', '--accept-data-loss'] : ['rebuild'],
        env,
        onProgress,
        signal: stop.signal,
      });
      const { generation, status, reason, customers, missing, durationMs } = outcomeSchema.parse(result);
      if (status !== 'published') process.exitCode = 1;
      bar.stop();
      const why = reason === null ? '' : `: ${reason}`;
      const text = `Rebuilt: generation ${generation} ${status}${why}. ${count(customers)} customers, ${duration(durationMs)}. Start the system again.`;
      const more = missing > 0 ? `\n${missingText(missing)}` : '';
      process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${text}${more}\n`);
    } finally {
      bar.stop();
    }
  });
}

/** The stores, with those of the folder started for as long as they are needed: nobody else may be in it. */
async function withStores(
  settings: UpSettings,
  signal: AbortSignal,
  work: (stores: Stores) => Promise<void>,
): Promise<void> {
  const { home, logUrl, viewsUrl, catalogUrl, lakeUrl, currency } = settings;
  const isApart = [logUrl, viewsUrl, catalogUrl, lakeUrl].every((url) => url !== undefined);
  const kind = storedIdentity(home)?.kind ?? 'own';
  const folder = isApart ? null : openDataFolder(home, { kind, currency, nowMs: Date.now() });
  try {
    const tell = (message: string) => process.stderr.write(`tidemark: ${message}\n`);
    const hooks = { say: () => {}, tell, onLost: (error: Error) => tell(error.message), signal };
    const stores = await startStores(home, settings, serversOf(settings), hooks);
    try {
      await work(stores);
    } finally {
      await stores.stop();
    }
  } finally {
    folder?.release();
  }
}

import { createReadStream } from 'node:fs';
import { openLog } from '@tidemark/log/open';
import { applyOptions, readOptions } from '@tidemark/runtime';
import { Command } from 'commander';
import { sendLines } from './send-lines.ts';

export const SEND_SETTINGS = ['logUrl', 'partitions', 'currency'] as const;

const HELP = `
Prints one JSON result a line, in the order of the input: {"line":1,"ok":true,"partition":0,"offset":"12"} once the event
is durable, or {"line":2,"ok":false,"code":"missing_field","reason":"…"}.

Exit codes: 0 every event was appended, 2 some were refused, 1 an error: lines without a result may or may not be there,
and may be sent again.`;

/** `send`. */
export function sendCommand(): Command {
  const command = new Command('send')
    .description('Append NDJSON events to the log.')
    .argument('[file]', 'the events, one a line', '-')
    .option('--raw', 'append each line as it is, unchecked')
    .addHelpText('after', HELP);
  return applyOptions(command, SEND_SETTINGS).action(async (file: string, flags: { readonly raw?: true }) => {
    const options = readOptions(SEND_SETTINGS, { env: process.env, flags, required: ['logUrl'] });
    const log = await openLog(options.logUrl, { partitions: options.partitions });
    try {
      const input = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
      const { refused } = await sendLines(input, process.stdout, {
        log,
        currency: options.currency,
        raw: flags.raw === true,
      });
      if (refused > 0) process.exitCode = 2;
    } finally {
      await log.close();
    }
  });
}

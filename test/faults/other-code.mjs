import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/*
 * Imported before an app (NODE_OPTIONS=--import=…), it makes the app one of another version, in which the metrics were changed:
 * a metric over a new field of a source was added, one counts something else, one was removed. Everything follows from the
 * registry, so nothing else of the code differs.
 */
const EDITS = {
  'sources.js': [
    ["cancelled: 'bool' }", "cancelled: 'bool', large: 'bool' }"],
    [
      'cancelled: isCancelled(body.status) }',
      'cancelled: isCancelled(body.status), large: body.total_amount >= 50000n }',
    ],
  ],
  'customer-metrics.js': [
    [
      '    refund_count:',
      "    large_orders: measured('Orders of 500 and more.', count(orders).where(isTrue(orders.field.large))),\n    refund_count:",
    ],
    [
      "measured('Support tickets ever created.', count(supportTickets)",
      "measured('Support tickets of high or urgent priority ever created.', count(supportTickets).where(highPriority)",
    ],
    [/^ {4}email_opens: .*\n/m, ''],
  ],
};

if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  const loaded = await next(url, context);
  const [, file] = /\/packages\/metrics\/dist\/([^/]+)$/.exec(url) ?? [];
  const edits = Object.hasOwn(EDITS, file ?? '') ? EDITS[file] : [];
  let source = String(loaded.source);
  for (const [code, changed] of edits) {
    const edited = source.replace(code, changed);
    if (edited === source) throw new Error(`${file} has no ${code} to change`);
    source = edited;
  }
  return edits.length === 0 ? loaded : { ...loaded, source };
}

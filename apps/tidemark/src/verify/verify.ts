import { parse, parseTime } from '@tidemark/contracts';
import type { Lake } from '@tidemark/lake';
import { type EventLog, hasBarrierHeader } from '@tidemark/log';
import { type HistoryRecord, naiveMerged, naiveRecompute } from '@tidemark/oracle';
import { type AnsweredCustomer, type ApiAnswer, askCustomers } from './api-answer.ts';
import { RawHistory } from './raw-history.ts';

export type VerifyOptions = {
  readonly lake: Lake;
  readonly log: EventLog;
  readonly apiUrl: string;
  readonly currency: string;
  /** Customers to check at most. */
  readonly sample: number;
  /** Which customers: the same seed takes the same ones from the same history. */
  readonly seed: number;
  readonly progress: (detail: string, done: number, total: number) => void;
};

/** A field of an answer that is not what history says. */
export type Difference = {
  readonly customer_id: string;
  readonly metric: string;
  readonly answered: unknown;
  readonly expected: unknown;
};

export type VerifyReport = {
  readonly customers: number;
  readonly fields: number;
  /** Fields the answers named provisional: they may deviate until the next generation. */
  readonly provisional: number;
  /** Answered otherwise than the settled prefix plus the signed rows after it: the law is broken. */
  readonly differences: readonly Difference[];
  /** Right by the law, and other than the naive recompute of everything: the next generation will say so as drift. */
  readonly pending_drift: readonly Difference[];
};

const IDS_PER_REQUEST = 200;
const TAIL_RECORDS = 10_000;

/**
 * Holds what the HTTP API answers against raw history: for each customer the naive recompute of what the answer's cut
 * covers, plus the naive sum of the signed rows after it, up to the positions and deltas that the answer names. Works
 * under live traffic, since an answer says exactly what it is made of.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { lake, log, apiUrl, currency, progress } = options;
  const ids = await sampleOf(options);
  const answers: ApiAnswer[] = [];
  for (let at = 0; at < ids.length; at += IDS_PER_REQUEST) {
    answers.push(await askCustomers(apiUrl, ids.slice(at, at + IDS_PER_REQUEST)));
    progress('answers asked for', Math.min(at + IDS_PER_REQUEST, ids.length), ids.length);
  }
  // History is read after the answers: it holds then at least everything that they are made of.
  progress('raw history read', 0, ids.length);
  const history = await RawHistory.read(lake, log, currency, new Set(ids));
  const report = {
    customers: 0,
    fields: 0,
    provisional: 0,
    differences: [] as Difference[],
    pending_drift: [] as Difference[],
  };
  for (const answer of answers) {
    for (const customer of answer.customers) check(report, history, answer, customer.customer_id, customer, currency);
    for (const unknown of answer.unknown) check(report, history, answer, unknown, null, currency);
    progress('customers compared', report.customers, ids.length);
  }
  return report;
}

/** Customers from the landed history, and from what was sent since. */
async function sampleOf({ lake, log, sample, seed, currency }: VerifyOptions): Promise<readonly string[]> {
  const ids = new Set(await lake.sampleCustomers(sample, seed));
  const heads = await lake.heads();
  for (const [partition, { start, end }] of await log.bounds()) {
    const from = heads.get(partition)?.end ?? start;
    if (from >= end) continue;
    const { records } = await log.read(partition, from, { maxRecords: TAIL_RECORDS, waitMs: 0 });
    for (const record of records) {
      const parsed = hasBarrierHeader(record) ? null : parse(record.value ?? new Uint8Array(), { currency });
      if (parsed?.ok && ids.size < sample * 2) ids.add(parsed.event.customer_id);
    }
  }
  return [...ids];
}

type Tally = {
  customers: number;
  fields: number;
  provisional: number;
  differences: Difference[];
  pending_drift: Difference[];
};

function check(
  report: Tally,
  history: RawHistory,
  answer: ApiAnswer,
  customerId: string,
  answered: AnsweredCustomer | null,
  currency: string,
): void {
  const { prefix, after } = coveredBy(history.recordsOf(customerId), answer, answered);
  const asOfMs = parseTime(answer.provenance.as_of) ?? 0;
  const merged = naiveMerged(prefix, after, { asOfMs, currency, barriers: history.barriers() }).get(customerId);
  report.customers++;
  if (!answered || !merged) {
    if (answered || merged) report.differences.push(existence(customerId, answered !== null));
    return;
  }
  const everything = naiveRecompute([...prefix, ...after], { asOfMs, currency }).get(customerId);
  const provisional = new Set(answered.provisional);
  const naive = new Map<string, unknown>(Object.entries(everything ?? {}));
  for (const [metric, expected] of Object.entries(merged.metrics)) {
    report.fields++;
    if (provisional.has(metric)) {
      report.provisional++;
      continue;
    }
    const value = answered.metrics[metric];
    if (!same(value, expected)) report.differences.push({ customer_id: customerId, metric, answered: value, expected });
    else if (!same(value, naive.get(metric))) {
      report.pending_drift.push({ customer_id: customerId, metric, answered: value, expected: naive.get(metric) });
    }
  }
}

/** The customer's records that the answer's cut covers, and those behind it up to where the answer goes. */
function coveredBy(
  records: readonly HistoryRecord[],
  { provenance }: ApiAnswer,
  answered: AnsweredCustomer | null,
): { readonly prefix: readonly HistoryRecord[]; readonly after: readonly HistoryRecord[] } {
  const { cut, positions } = provenance;
  const bounds = new Map(Object.entries(positions).map(([partition, offset]) => [Number(partition), offset]));
  for (const { partition, last_offset } of answered?.deltas ?? []) {
    if (last_offset > (bounds.get(partition) ?? -1n)) bounds.set(partition, last_offset);
  }
  const isCovered = (record: HistoryRecord) =>
    record.source === 'import'
      ? record.number <= (cut?.imports ?? 0)
      : record.offset < (cut?.partitions[record.partition] ?? 0n);
  return {
    prefix: records.filter(isCovered),
    after: records.filter(
      (record) =>
        record.source === 'log' && !isCovered(record) && record.offset <= (bounds.get(record.partition) ?? -1n),
    ),
  };
}

const existence = (customerId: string, isAnswered: boolean): Difference => ({
  customer_id: customerId,
  metric: 'customer_id',
  answered: isAnswered ? customerId : null,
  expected: isAnswered ? null : customerId,
});

/** Equal as JSON, whatever the order of an object's keys. */
const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? 'undefined';

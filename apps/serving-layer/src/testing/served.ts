import type { Bounds, LogRecord } from '@tidemark/log';
import { define } from '@tidemark/metrics';
import { createLogger, createMetricsRegistry, type ManualClock, manualClock } from '@tidemark/runtime';
import type { ViewStore } from '@tidemark/views';
import { openMemoryViews } from '@tidemark/views/testing';
import { onTestFinished } from 'vitest';
import { buildServer } from '../server.ts';
import type { ServingApp } from '../services.ts';
import { DEFAULT_LIMITS, type ServingContext } from '../serving-context.ts';
import { NOW_MS, SampleShop } from './sample-shop.ts';

export type Served = {
  readonly app: ServingApp;
  readonly shop: SampleShop;
  /** Wall clock, at first `NOW_MS`. */
  readonly clock: ManualClock;
  /** The monotonic clock: what is shared grows old by it. */
  readonly ticks: ManualClock;
  readonly log: SampleLog;
  readonly lines: readonly string[];
  /** Lets every shared value grow old, so that the next request asks the stores. */
  expire(): void;
  get(url: string): Promise<{ readonly status: number; readonly body: unknown }>;
};

export type SampleLog = ServingContext['log'] & { readonly bounds_: Map<number, Bounds>; recordAtMs: number };

/** A log of which only bounds and the first unfolded record's time are asked. */
function sampleLog(): SampleLog {
  const bounds_ = new Map<number, Bounds>();
  const log = {
    bounds_,
    recordAtMs: NOW_MS,
    bounds: async () => bounds_,
    read: async (partition: number, from: bigint) => {
      const record: LogRecord = {
        partition,
        offset: from,
        key: null,
        value: null,
        headers: {},
        timestampMs: log.recordAtMs,
      };
      return { records: [record], next: from + 1n, level: false };
    },
  };
  return log;
}

/** A server over the stores given, in memory unless told otherwise. It is closed when the test ends. */
export async function serve(
  options: {
    readonly store?: ViewStore;
    readonly listLimit?: number;
    readonly over?: (shop: SampleShop) => Partial<ServingContext>;
  } = {},
): Promise<Served> {
  const definition = define('USD');
  const store = options.store ?? openMemoryViews();
  const shop = new SampleShop(definition, await store.open(definition), options.listLimit);
  const clock = manualClock(NOW_MS);
  const ticks = manualClock(1000);
  const log = sampleLog();
  const lines: string[] = [];
  const logger = createLogger({ app: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } });
  const app = await buildServer({
    definition,
    views: shop.views,
    serving: () => store.serving(),
    log,
    catalog: shop.catalog,
    clock,
    ticks: ticks.now,
    logger,
    registry: createMetricsRegistry('serving-layer'),
    awaitsFirstGeneration: async () => false,
    outlived: (error) => logger.fatal({ err: error }, 'outlived'),
    limits: DEFAULT_LIMITS,
    handOverMs: 20_000,
    stopping: new AbortController().signal,
    ...options.over?.(shop),
  });
  onTestFinished(() => app.close());
  return {
    app,
    shop,
    clock,
    ticks,
    log,
    lines,
    expire: () => ticks.advance(2000),
    get: async (url) => {
      const response = await app.inject(url);
      return { status: response.statusCode, body: response.body === '' ? null : response.json() };
    },
  };
}

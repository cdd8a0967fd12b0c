import { type Engine, type RecomputeRequest, type StateRow, toRecordBatch } from '@tidemark/engine';
import {
  type ColumnValue,
  type Definition,
  expand,
  FLAG_ORDER,
  floorHour,
  foldChange,
  KEPT_HOURS,
  mergeView,
  rankScore,
  type State,
  UNRANKED_SCORE,
  zeroState,
} from '@tidemark/metrics';
import type { MemoryDisk, SourceRow, States } from './memory-files.ts';

/** A row of the history with the import it came with; null for rows of the log. */
type Row = SourceRow & { readonly import: number | null };

/**
 * The batch engine by folding: consolidates each customer's rows and adds them up with the folds of the speed layer. The
 * SQL of the real one is held to the same folds by the laws of `metrics`.
 */
export function memoryEngine(definition: Definition, disk: MemoryDisk): Engine {
  return {
    recompute: async (request) => {
      const states = recompute(definition, disk, request);
      disk.make({ kind: 'states', states }, request.snapshot);
      return { customers: states.size, durations: {} };
    },
    inspect: async (_currency, snapshot, base) => {
      const states = disk.states(snapshot);
      const before = base === null ? null : disk.states(base);
      const lost = before && [...before.keys()].filter((customer) => !states.has(customer)).length;
      return { customers: states.size, duplicateCustomers: 0, nulls: {}, negativeMoney: {}, lost };
    },
    async *changes(_currency, snapshot, base) {
      const rows = changes(definition, disk.states(snapshot), base === null ? null : disk.states(base));
      if (rows.length > 0) yield toRecordBatch(definition.columns, rows);
    },
    top: async (_currency, snapshot, list, asOfMs, limit) => {
      const ranked = [...disk.states(snapshot)].flatMap(([customerId, state]) => {
        const score = scoreOf(definition, state, list, asOfMs);
        return score === null ? [] : [{ customerId, score }];
      });
      return ranked.sort((a, b) => (a.score > b.score ? -1 : a.score < b.score ? 1 : 0)).slice(0, limit);
    },
    close: async () => {},
  };
}

function recompute(definition: Definition, disk: MemoryDisk, { rows, barrierAtMs }: RecomputeRequest): States {
  const byCustomer = new Map<string, Row[]>();
  for (const files of Object.values(rows)) {
    for (const file of files) {
      for (const row of disk.rows(file.location)) {
        const { customer_id } = row.event;
        const own = byCustomer.get(customer_id) ?? [];
        own.push({ ...row, import: file.import });
        byCustomer.set(customer_id, own);
      }
    }
  }
  const oldestHour = floorHour(barrierAtMs) - KEPT_HOURS;
  return new Map(
    [...byCustomer].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, own]) => [id, stateOf(definition, own, oldestHour)]),
  );
}

/** Imports by number and row, then the log by epoch, partition and offset. */
function inOrder(a: Row, b: Row): number {
  const [x, y] = [placeOf(a), placeOf(b)];
  for (const [at, value] of x.entries()) if (value !== y[at]) return value - (y[at] ?? 0);
  return 0;
}

const placeOf = ({ import: number, place }: Row): readonly number[] =>
  'row' in place ? [0, number ?? 0, place.row, 0] : [1, place.epoch, place.partition, Number(place.offset)];

type Standing = { row: Row; unmatched: boolean };

function stateOf(definition: Definition, rows: readonly Row[], oldestHour: number): State {
  const seen = new Set<string>();
  const standings = new Map<string, Standing>();
  for (const row of [...rows].sort(inOrder)) {
    if (seen.has(row.event.event_id)) continue;
    seen.add(row.event.event_id);
    const { source, key, kind } = expand(row.event);
    const name = `${source.name} ${key}`;
    const held = standings.get(name);
    const unmatched = (held?.unmatched ?? true) && kind !== 'placed';
    standings.set(name, { row: held && !decides(row, held.row) ? held.row : row, unmatched });
  }
  const state = zeroState(definition);
  for (const { row } of standings.values())
    foldChange(definition, state, { ...expand(row.event), minus: null }, row.event);
  for (const { source, rowsAt, unmatchedAt } of definition.counters) {
    state[rowsAt] = 0n;
    const own = [...standings.values()].filter(({ row }) => expand(row.event).source.name === source.name);
    state[unmatchedAt] = BigInt(own.filter(({ unmatched }) => unmatched).length);
  }
  for (const [at, { type }] of definition.columns.entries()) {
    const counts = state[at];
    if (type !== 'hour_counts' || !(counts instanceof Map)) continue;
    const kept = new Map<number, bigint>();
    for (const [hour, count] of counts) if (Number(hour) > oldestHour) kept.set(Number(hour), count);
    state[at] = kept;
  }
  return state;
}

/** Whether a later row of a key takes over from the one that decided until now. */
function decides(row: Row, held: Row): boolean {
  const isRevision = (each: Row) => expand(each.event).kind !== 'placed';
  if (row.import === null) return isRevision(row);
  if (held.import !== row.import) return true;
  return isRevision(row) || !isRevision(held);
}

function changes(definition: Definition, states: States, base: States | null): StateRow[] {
  const gone = [...(base?.keys() ?? [])].filter((customerId) => !states.has(customerId));
  const changed = [...states].filter(([customerId, state]) => {
    const before = base?.get(customerId);
    return !before || textOf(before) !== textOf(state);
  });
  return [
    ...changed.map(([customerId, state]) => ({ customerId, gone: false, state })),
    ...gone.map((customerId) => ({ customerId, gone: true, state: zeroState(definition) })),
  ];
}

/** Equal for equal states: the folds leave maps and sets in an order of their own. */
const textOf = (state: readonly ColumnValue[]): string =>
  JSON.stringify(state, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value;
  });

function scoreOf(definition: Definition, state: State, list: string, asOfMs: number): bigint | null {
  const metric = definition.metrics.find(({ name }) => name === list);
  if (metric?.kind !== 'flag') return rankScore(definition, [state], list, asOfMs).score;
  if (mergeView(definition, [state], asOfMs).metrics[list] !== true) return null;
  return rankScore(definition, [state], FLAG_ORDER, asOfMs).score ?? UNRANKED_SCORE;
}

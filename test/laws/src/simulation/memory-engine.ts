import type { TidemarkEvent } from '@tidemark/contracts';
import { type Engine, type RecomputeRequest, type StateRow, toRecordBatch } from '@tidemark/engine';
import type { Place } from '@tidemark/lake';
import {
  type ColumnValue,
  comparePlaces,
  consolidate,
  type Definition,
  expand,
  floorHour,
  type HistoryPlace,
  KEPT_HOURS,
  type Occurrence,
  type State,
  stateOfStandings,
  withoutRepeats,
  zeroState,
} from '@tidemark/metrics';
import type { MemoryDisk, States } from './memory-files.ts';

type Landed = Occurrence & { readonly event: TidemarkEvent };

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
    // Nobody reads rankings here.
    rankings: async () => new Map(),
    histories: async ({ rows, customerIds }) => {
      const landed = occurrences(disk, rows);
      return customerIds.flatMap((customerId) =>
        (landed.get(customerId) ?? []).map(({ place, event, change: { source, key, kind, plus } }) => ({
          customerId,
          source: source.name,
          place,
          event,
          key,
          kind,
          row: plus,
        })),
      );
    },
    close: async () => {},
  };
}

type History = RecomputeRequest['rows'];

/** Everything that the files hold, by customer. */
function occurrences(disk: MemoryDisk, rows: History): ReadonlyMap<string, readonly Landed[]> {
  const byCustomer = new Map<string, Landed[]>();
  for (const file of Object.values(rows).flat()) {
    for (const { place, event } of disk.rows(file.location)) {
      const own = byCustomer.get(event.customer_id) ?? [];
      own.push({ place: inHistory(place, file.import), event, change: expand(event) });
      byCustomer.set(event.customer_id, own);
    }
  }
  return byCustomer;
}

const inHistory = (place: Place, number: number | null): HistoryPlace =>
  'row' in place ? { source: 'import', number: number ?? 0, row: place.row } : { source: 'log', ...place };

function recompute(definition: Definition, disk: MemoryDisk, { rows, barrierAtMs }: RecomputeRequest): States {
  const oldestHour = floorHour(barrierAtMs) - KEPT_HOURS;
  return new Map(
    [...occurrences(disk, rows)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([customerId, own]) => [customerId, stateOf(definition, own, oldestHour)]),
  );
}

function stateOf(definition: Definition, own: readonly Landed[], oldestHour: number): State {
  const ordered = [...own].sort((a, b) => comparePlaces(a.place, b.place));
  const standings = [...consolidate(withoutRepeats(ordered)).values()];
  const state = stateOfStandings(definition, standings);
  for (const { source, unmatchedAt } of definition.counters) {
    const ofSource = standings.filter(({ by, unmatched }) => unmatched && by.change.source.name === source.name);
    state[unmatchedAt] = BigInt(ofSource.length);
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

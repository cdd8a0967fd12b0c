import type { Definition } from '@tidemark/metrics';
import { type ViewStore, type Views, ViewsError } from '@tidemark/views';
import { SimulatedCluster } from '@tidemark/views/cassandra/simulated';
import { openMemoryViews } from '@tidemark/views/testing';
import type { CallKind, Process, Simulation } from './simulation.ts';

/** Views that several processes share. */
export type SharedViews = {
  /** As a process has them, of a definition that was opened. */
  readonly openViews: (
    process: Process,
    definition: Definition,
  ) => { readonly store: ViewStore; readonly views: Views };
  /** The same, answered at once. */
  readonly plainStore: ViewStore;
  readonly plainViews: (definition: Definition) => Views;
};

/** Nobody reads rankings here: calls that are about them are answered at once, or they would be a fifth of a run's. */
const isOfRankings = (label: string): boolean => label.endsWith(' candidate');

/** Three nodes that hear of writes at different times; the views' own statements are what is suspended. */
export async function viewsOnCassandra(simulation: Simulation, first: Definition): Promise<SharedViews> {
  const cluster = new SimulatedCluster({
    between: (low, high) => simulation.random.between(low, high),
    hint: (label, effect) => simulation.send(label, async () => effect()),
    nowMicros: () => BigInt(simulation.time.clock.now()) * 1_000n,
  });
  const atOnce = cluster.open({
    read: async (_, effect) => effect(),
    write: async (_, effect) => effect(true),
    onlyLooks: true,
  });
  await atOnce.store.open(first);
  return {
    plainStore: atOnce.store,
    plainViews: atOnce.viewsOf,
    openViews: (process, definition) => {
      const { store, viewsOf } = cluster.open({
        read: async (label, effect) =>
          isOfRankings(label) ? effect() : simulation.call(process, `cassandra ${label}`, 'read', effect),
        write: async (label, effect) =>
          isOfRankings(label) ? effect(true) : simulation.call(process, `cassandra ${label}`, 'write', effect),
      });
      return { store, views: viewsOf(definition) };
    },
  };
}

/** Every call of the port is one atomic step, as a statement is in PostgreSQL. */
export async function viewsOnPostgres(simulation: Simulation, first: Definition): Promise<SharedViews> {
  const memory = openMemoryViews();
  // Those that were opened last of each definition; a process keeps those that its first call finds.
  const opened = new Map<string, Views>();
  const open = async (definition: Parameters<ViewStore['open']>[0]) => {
    const views = await memory.open(definition);
    opened.set(definition.id, views);
    return views;
  };
  const latest = ({ id }: Pick<Definition, 'id'>): Views => {
    const views = opened.get(id);
    if (views) return views;
    throw new ViewsError('TIDEMARK_VIEWS_GONE', `Definition ${id} was never opened.`);
  };
  const firstViews = await open(first);
  const plainStore: ViewStore = { ...memory, open };
  return {
    plainStore,
    plainViews: latest,
    openViews: (process, definition) => {
      const slowed = (current: () => Views) => suspended(simulation, process, 'views', firstViews, VIEWS, current);
      let own: Views | undefined;
      const store = suspended(simulation, process, 'store', plainStore, STORE);
      return {
        views: slowed(() => {
          own ??= latest(definition);
          return own;
        }),
        store: {
          ...store,
          open: async (each) => {
            const views = await store.open(each);
            return slowed(() => views);
          },
          find: async (id) => {
            const found = await store.find(id);
            return found && slowed(() => found);
          },
        },
      };
    },
  };
}

const VIEWS: Readonly<
  Record<Exclude<keyof Views, 'touched' | 'writeCandidates' | 'candidates' | 'deleteCandidates'>, CallKind>
> = {
  pointer: 'read',
  compareAndSetPointer: 'write',
  read: 'read',
  scan: 'read',
  writeBatch: 'write',
  loadDeltas: 'read',
  writeDeltas: 'write',
  writeTouched: 'write',
  positions: 'read',
  writePosition: 'write',
  writeDeadLetters: 'write',
  deadLetters: 'read',
  countDeadLetters: 'read',
  versions: 'read',
  deleteBatch: 'write',
  touchedBelow: 'read',
  deleteDeltas: 'write',
};

const STORE: Readonly<Partial<Record<keyof ViewStore, CallKind>>> = {
  serving: 'read',
  compareAndSetServing: 'write',
  definitions: 'read',
  find: 'read',
  drop: 'commit',
};

/** The same object, with calls of the methods named suspended. `current`: which one has the call when its turn has come. */
function suspended<T extends object>(
  simulation: Simulation,
  process: Process,
  port: string,
  object: T,
  kinds: Readonly<Partial<Record<string, CallKind>>>,
  current: () => T = () => object,
): T {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const kind = typeof name === 'string' ? kinds[name] : undefined;
      const apply = (args: unknown[]) => Reflect.apply(member, current(), args);
      if (kind === undefined) return (...args: unknown[]) => apply(args);
      return (...args: unknown[]) => simulation.call(process, `${port}.${String(name)}`, kind, () => apply(args));
    },
  });
}

import type { Definition } from '@tidemark/metrics';
import type { ViewStore, Views } from '@tidemark/views';
import { SimulatedCluster } from '@tidemark/views/cassandra/simulated';
import type { CallKind, Process, Simulation } from './simulation.ts';

/** Views that several processes share. */
export type SharedViews = {
  /** As a process opens them. */
  readonly openViews: (process: Process) => { readonly store: ViewStore; readonly views: Views };
  /** The same, answered at once. */
  readonly plainViews: Views;
};

/** Nobody reads rankings here: calls that are about them are answered at once, or they would be a fifth of a run's. */
const isOfRankings = (label: string): boolean => label.endsWith(' candidate');

/** Three nodes that hear of writes at different times; the views' own statements are what is suspended. */
export function viewsOnCassandra(simulation: Simulation, definition: Definition): SharedViews {
  const cluster = new SimulatedCluster({
    definition,
    between: (low, high) => simulation.random.between(low, high),
    hint: (label, effect) => simulation.send(label, async () => effect()),
    nowMicros: () => BigInt(simulation.time.clock.now()) * 1_000n,
  });
  const atOnce = cluster.open({
    read: async (_, effect) => effect(),
    write: async (_, effect) => effect(true),
    onlyLooks: true,
  });
  return {
    plainViews: atOnce.views,
    openViews: (process) =>
      cluster.open({
        read: async (label, effect) =>
          isOfRankings(label) ? effect() : simulation.call(process, `cassandra ${label}`, 'read', effect),
        write: async (label, effect) =>
          isOfRankings(label) ? effect(true) : simulation.call(process, `cassandra ${label}`, 'write', effect),
      }),
  };
}

/** Every call of the port is one atomic step, as a statement is in PostgreSQL. */
export const viewsOnPostgres = (simulation: Simulation, store: ViewStore, views: Views): SharedViews => ({
  plainViews: views,
  openViews: (process) => ({
    store: atomicStore(simulation, process, store),
    views: atomicViews(simulation, process, views),
  }),
});

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
};

/** Views whose every call is one atomic step, as in PostgreSQL. */
const atomicViews = (simulation: Simulation, process: Process, views: Views): Views =>
  suspended(simulation, process, 'views', views, VIEWS);

const atomicStore = (simulation: Simulation, process: Process, store: ViewStore): ViewStore =>
  suspended(simulation, process, 'store', store, STORE);

/** The same object, with calls of the methods named suspended. */
function suspended<T extends object>(
  simulation: Simulation,
  process: Process,
  port: string,
  object: T,
  kinds: Readonly<Partial<Record<string, CallKind>>>,
): T {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const kind = typeof name === 'string' ? kinds[name] : undefined;
      if (kind === undefined) return member.bind(target);
      return (...args: unknown[]) =>
        simulation.call(process, `${port}.${String(name)}`, kind, () => Reflect.apply(member, target, args));
    },
  });
}

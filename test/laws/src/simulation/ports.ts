import type { BatchContext } from '@tidemark/batch-layer';
import { Lake, LakeError, type LakeStorage } from '@tidemark/lake';
import { type Append, type EventLog, LogError, type LogRecord, partitionOfKey, speedLayerGroup } from '@tidemark/log';
import type { MemoryTopic } from '@tidemark/log/testing';
import type { Definition } from '@tidemark/metrics';
import { type CatalogState, simulatedCatalog } from './memory-catalog.ts';
import { memoryEngine } from './memory-engine.ts';
import { chunkOf, type MemoryDisk, memoryFiles } from './memory-files.ts';
import type { SharedViews } from './simulated-views.ts';
import type { CallKind, Process, Simulation } from './simulation.ts';

/** What all processes of a history share; those of each definition have one of their own. */
export type Shared = SharedViews & {
  readonly definition: Definition;
  /** Its tables may have to be made, and filled from what another definition has published. */
  readonly fills: boolean;
  /** Speed layers that are alive, by their group's name. */
  readonly members: Map<string, () => number>;
  readonly topic: MemoryTopic;
  /** The identity of the topic that the system began with. */
  readonly firstLog: string;
  readonly disk: MemoryDisk;
  readonly catalog: CatalogState;
  /** The ticks from which on a listing shows a path. */
  readonly listedFrom: Map<string, number>;
  /** Told of every record that is in the log, and of every file that is in the lake. */
  readonly onRecord: (record: LogRecord) => void;
  readonly onEntry: (path: string, content: Uint8Array) => void;
};

export type Ports = Omit<BatchContext, 'settings' | 'progress'>;

/** Whether the log's topic is another one than the system began with. */
export const isRemade = ({ topic, firstLog }: Shared): boolean => topic.identity !== firstLog;

/** The ports of one process: each call of them suspends it. */
export function portsOf(simulation: Simulation, process: Process, shared: Shared): Ports {
  const { definition, disk } = shared;
  const storage = simulatedStorage(simulation, process, shared);
  const engine = memoryEngine(definition, disk);
  return {
    definition,
    log: simulatedLog(simulation, process, shared),
    ...shared.openViews(process, definition),
    lake: new Lake(storage, memoryFiles(disk, storage)),
    engine: {
      ...engine,
      recompute: (request) => simulation.call(process, 'engine.recompute', 'step', () => engine.recompute(request)),
    },
    catalog: simulatedCatalog(simulation, process, shared.catalog),
    clock: simulation.time.clock,
  };
}

function simulatedLog(
  simulation: Simulation,
  process: Process,
  { definition, members, topic, onRecord }: Shared,
): EventLog {
  // A client is connected to the topic that was there when it came.
  const { identity } = topic;
  const there = <T>(effect: () => T): T => {
    if (topic.identity === identity) return effect();
    throw new LogError('TIDEMARK_LOG_REPLACED', 'The topic was deleted and made again.');
  };
  const call = <T>(name: string, effect: () => T, isReady?: () => boolean) =>
    simulation.call(process, `log.${name}`, 'read', () => there(effect), isReady);
  // A client hears of growth late: it may know fewer partitions than there are, but never fewer than before.
  let known = topic.partitions.length;
  const refresh = () => {
    if (simulation.isCalm || simulation.random.chance(0.6)) known = topic.partitions.length;
    return topic.partitions.slice(0, known);
  };
  const place = async (record: Append): Promise<LogRecord> => {
    const partition = record.partition ?? partitionOfKey(record.key ?? new Uint8Array(), known);
    return simulation.call(process, `log.append${record.headers ? ' a barrier' : ''}`, 'write', () => {
      const placed = there(() => topic.append({ ...record, partition }));
      onRecord(placed);
      return placed;
    });
  };
  return {
    identity: () => call('identity', () => topic.identity),
    partitions: () => call('partitions', refresh),
    bounds: () => call('bounds', () => topic.bounds()),
    append: (records) => Promise.all(records.map(place)),
    read: (partition, from, { maxRecords, waitMs, signal }) =>
      call(
        'read',
        () => topic.read(partition, from, maxRecords),
        () => waitMs === 0 || signal?.aborted === true || topic.end(partition) !== from || topic.identity !== identity,
      ),
    truncate: (partition, before) =>
      simulation.call(process, 'log.truncate', 'write', () => {
        if (simulation.faults.retention) there(() => topic.truncate(partition, before));
      }),
    grow: (partitions) => simulation.call(process, 'log.grow', 'write', () => there(() => topic.grow(partitions))),
    consume: () => Promise.reject(new Error('groups are simulated by the history')),
    // Who asks of the own group would wait for it, by a timer that is not the simulation's.
    members: async (group) =>
      group === speedLayerGroup(definition.id) ? 0 : call('members', () => members.get(group)?.() ?? 0),
    close: async () => {},
  };
}

/** After so long every listing shows a file. */
export const LAG_MS = 4_000;

function simulatedStorage(simulation: Simulation, process: Process, shared: Shared): LakeStorage {
  const { disk, listedFrom, onEntry } = shared;
  const call = <T>(name: string, kind: CallKind, effect: () => T) =>
    simulation.call(process, `lake.${name}`, kind, effect);
  const written = (path: string) => {
    const lags = simulation.faults.lags && !simulation.isCalm && simulation.random.chance(0.15);
    const lagMs = lags ? simulation.random.between(1, LAG_MS) : 0;
    listedFrom.set(path, simulation.time.ticks() + lagMs);
  };
  const missing = (path: string) => new LakeError('TIDEMARK_LAKE_MISSING', `The lake has no file ${path}.`);
  return {
    put: (path, localFile) =>
      call(`put ${kindOf(path)}`, 'write', () => {
        disk.set(path, disk.take(localFile));
        written(path);
      }),
    putIfAbsent: (path, content) =>
      call(`put ${kindOf(path)}`, 'write', () => {
        if (disk.get(path)) return false;
        disk.set(path, { kind: 'entry', bytes: content });
        written(path);
        onEntry(path, content);
        return true;
      }),
    // What is there never changes: when it is read makes no difference.
    read: async (path) => {
      const chunk = chunkOf(disk, path);
      if (!chunk) throw missing(path);
      return chunk;
    },
    async *chunks(path) {
      const chunk = chunkOf(disk, path);
      if (!chunk) throw missing(path);
      yield chunk;
    },
    list: (prefix) =>
      call(`list ${kindOf(prefix)}`, 'read', () => {
        const nowTicks = simulation.time.ticks();
        const below = disk.paths().filter((path) => path.startsWith(`${prefix}/`));
        return below.filter((path) => (listedFrom.get(path) ?? 0) <= nowTicks);
      }),
    locate: (path) => path,
    remove: (path) => call(`remove ${kindOf(path)}`, 'write', () => disk.delete(path)),
    scratchFolder: 'scratch',
  };
}

/** What kind of file it is: names differ from run to run. */
const kindOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('manifest/') ? 2 : 1)
    .join('/');

import type { EventLog } from '@tidemark/log';
import type { Definition } from '@tidemark/metrics';
import type { Random } from '@tidemark/simulator';
import { type FoldStore, logStart, PartitionFold, startOffset } from '@tidemark/speed-layer';
import type { Views } from '@tidemark/views';

type Worker = { readonly partition: number; readonly fold: PartitionFold; next: bigint };

/**
 * The speed layer's workers, one to a partition, and those that lost theirs but do not know it. Driven record by record:
 * a worker may stop anywhere, also between two writes of a flush.
 */
export class SpeedWorkers {
  readonly #random: Random;
  readonly #log: EventLog;
  readonly #views: Views;
  readonly #definition: Definition;
  readonly #live = new Map<number, Worker>();
  readonly #zombies: Worker[] = [];
  /** Writes that a worker may still do before it is killed; null: as many as it wants. */
  #writesLeft: number | null = null;

  constructor(random: Random, log: EventLog, views: Views, definition: Definition) {
    this.#random = random;
    this.#log = log;
    this.#views = views;
    this.#definition = definition;
  }

  /** Deltas held in memory that the store does not have. */
  get pending(): number {
    return [...this.#live.values()].reduce((total, { fold }) => total + fold.pending, 0);
  }

  /** One worker folds a few records, and may flush; it may be killed in the middle of the flush. */
  async step(): Promise<void> {
    const partition = this.#random.pick(await this.#log.partitions());
    const worker = await this.#worker(partition);
    await this.#consume(worker, this.#random.between(1, 8));
    if (!this.#random.chance(0.4)) return;
    if (this.#random.chance(0.25)) {
      this.#writesLeft = this.#random.between(0, 3);
      try {
        await worker.fold.flush();
      } catch (error) {
        if (!(error instanceof WorkerKilled)) throw error;
        this.#live.delete(partition);
      } finally {
        this.#writesLeft = null;
      }
    } else await worker.fold.flush();
  }

  /**
   * Another worker takes a partition over, from where the stores say; the old one lives on, with rows that it has folded
   * and not written. Its writes come late then: after those of the new one, which are further on.
   */
  async takeover(): Promise<void> {
    const [partition] = [...this.#live][this.#random.between(0, Math.max(0, this.#live.size - 1))] ?? [];
    if (partition === undefined) return;
    const worker = await this.#worker(partition);
    await this.#consume(worker, this.#random.between(1, 4));
    this.#zombies.push(worker);
    this.#live.delete(partition);
  }

  /** A worker that lost its partition wakes up, folds on and writes. */
  async zombie(): Promise<void> {
    if (this.#zombies.length === 0) return;
    const worker = this.#random.pick(this.#zombies);
    // Retention may have run past a zombie: its log then tells it so, and it ends.
    const start = await logStart(this.#log, worker.partition);
    if (worker.next >= start && this.#random.chance(0.5)) await this.#consume(worker, this.#random.between(1, 4));
    await worker.fold.flush();
  }

  async settle(): Promise<void> {
    for (const partition of await this.#log.partitions()) {
      const worker = await this.#worker(partition);
      while ((await this.#consume(worker, 1_000)) > 0);
      await worker.fold.flush();
    }
  }

  async #consume(worker: Worker, maxRecords: number): Promise<number> {
    if (maxRecords === 0) return 0;
    const { records, next } = await this.#log.read(worker.partition, worker.next, { maxRecords, waitMs: 0 });
    await worker.fold.fold(records);
    worker.next = next;
    return records.length;
  }

  async #worker(partition: number): Promise<Worker> {
    const known = this.#live.get(partition);
    const start = await logStart(this.#log, partition);
    if (known && known.next >= start) return known;
    // Behind retention a worker ends with an error and is started again: one that took over had folded further than it,
    // and the position, which retention never passes, is that one's.
    const position = (await this.#views.positions()).get(partition) ?? null;
    const worker: Worker = {
      partition,
      next: await startOffset(this.#log, partition, start, position),
      fold: new PartitionFold({
        definition: this.#definition,
        views: this.#killable(),
        partition,
        logId: await this.#log.identity(),
        position,
        cacheLimit: 3,
      }),
    };
    this.#live.set(partition, worker);
    return worker;
  }

  #killable(): FoldStore {
    const views = this.#views;
    const write = async (work: () => Promise<void>) => {
      if (this.#writesLeft !== null && this.#writesLeft-- <= 0) throw new WorkerKilled();
      await work();
    };
    return {
      pointer: () => views.pointer(),
      positions: () => views.positions(),
      loadDeltas: (keys) => views.loadDeltas(keys),
      writeTouched: (keys) => write(() => views.writeTouched(keys)),
      writeDeltas: (rows) => write(() => views.writeDeltas(rows)),
      writeDeadLetters: (letters) => write(() => views.writeDeadLetters(letters)),
      writePosition: (partition, position) => write(() => views.writePosition(partition, position)),
    };
  }
}

class WorkerKilled extends Error {}

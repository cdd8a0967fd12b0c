import { TidemarkError } from '@tidemark/contracts';
import { speedLayerGroup } from '@tidemark/log';
import { fillFrom, retrying, SpeedLayer } from '@tidemark/speed-layer';
import { isRemade, portsOf, type Shared } from './ports.ts';
import type { Process, Simulation } from './simulation.ts';

const GATHER_MS = 200;
/**
 * States held in memory by one member after the other: as few as can be, so that they are loaded again often, or all there
 * are, so that of epochs which begin with it none is ever looked for.
 */
const STATE_CACHES = [1, 1_000];

type Member = { readonly process: Process; readonly partition: number; readonly callBack: AbortController };

/** What a member may end with that others have overtaken: it is started again where the position says. */
const EXPECTED = new Set(['TIDEMARK_LOG_GAP']);

/** And what it says of a topic that was made anew. */
export const REMADE = new Set(['TIDEMARK_LOG_REPLACED', 'TIDEMARK_SPEED_OTHER_LOG', 'TIDEMARK_BATCH_LOG_CHANGED']);

/**
 * The members of the speed layer's group, a process each, one partition each. Members die, stand still, are followed while
 * they stand or while they go on, and wake up later with what they had.
 */
export class SpeedGroup {
  readonly #simulation: Simulation;
  readonly #shared: Shared;
  readonly #owners = new Map<number, Member>();
  #isUp: boolean;
  /** Somebody has heard that nobody folds: the tables may go, even if somebody does by then. */
  #mayBeDropped = false;
  #all: Member[] = [];

  constructor(simulation: Simulation, shared: Shared, isUp: boolean) {
    this.#simulation = simulation;
    this.#shared = shared;
    this.#isUp = isUp;
    shared.members.set(speedLayerGroup(shared.definition.id), () => {
      const alive = this.#all.filter(isAlive).length;
      if (alive === 0) this.#mayBeDropped = true;
      return alive;
    });
  }

  /** Whether its members are started again when they end. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Every partition gets an owner. */
  async begin(): Promise<void> {
    this.#simulation.note('speed begins');
    this.#isUp = true;
    for (const partition of this.#shared.topic.partitions) await this.#start(partition);
  }

  /** All are asked to end, or are killed; nobody takes over. */
  end(): void {
    this.#simulation.note('speed ends');
    this.#isUp = false;
    for (const { process, callBack } of this.#all) {
      if (process.state === 'running' && this.#simulation.random.chance(0.5)) callBack.abort();
      else this.#simulation.kill(process);
    }
  }

  /** A partition gets an owner, or another one. */
  async change(): Promise<void> {
    if (!this.#isUp) return;
    const { random, faults } = this.#simulation;
    const partition = random.pick(this.#shared.topic.partitions);
    const owner = this.#owners.get(partition);
    if (owner && isAlive(owner)) {
      const dice = random.unit();
      if (dice < 0.25) owner.callBack.abort();
      else if (dice < 0.5 && faults.kills) this.#simulation.kill(owner.process);
      else if (dice < 0.8 && faults.stops) owner.process.state = 'stopped';
      else if (!faults.stops) return;
    }
    await this.#start(partition);
    const asleep = this.#all.filter(({ process }) => process.state === 'stopped');
    if (asleep.length > 0 && random.chance(0.5)) random.pick(asleep).process.state = 'running';
  }

  /** All stand still; nobody takes over. */
  stopAll(): void {
    this.#simulation.note('speed stands still');
    for (const { process } of this.#all) if (process.state === 'running') process.state = 'stopped';
  }

  wakeAll(): void {
    for (const { process } of this.#all) if (process.state === 'stopped') process.state = 'running';
  }

  /** Every partition has an owner that reads to the end. */
  async settle(): Promise<void> {
    this.#isUp = true;
    for (const member of this.#all) member.callBack.abort();
    for (const partition of this.#shared.topic.partitions) await this.#start(partition);
  }

  failIfBroken(): void {
    for (const { process } of this.#all) {
      const { failure } = process;
      if (failure === null) continue;
      process.failure = null;
      if (failure instanceof TidemarkError) {
        this.#simulation.note(`speed failed: ${failure.code}`);
        if (failure.retryable || EXPECTED.has(failure.code)) continue;
        if (failure.code === 'TIDEMARK_VIEWS_GONE' && this.#mayBeDropped) continue;
        if (REMADE.has(failure.code) && isRemade(this.#shared)) continue;
      }
      throw failure;
    }
    this.#all = this.#all.filter(isAlive);
  }

  async #start(partition: number): Promise<void> {
    const simulation = this.#simulation;
    const process = simulation.open('speed');
    const member: Member = { process, partition, callBack: new AbortController() };
    this.#owners.set(partition, member);
    this.#all.push(member);
    await simulation.enter(process, async () => {
      await this.#fold(member);
      process.state = 'ended';
    });
  }

  async #fold(member: Member): Promise<void> {
    const { process, partition } = member;
    const { signal } = member.callBack;
    const { fills } = this.#shared;
    const { log, store, definition, clock, ...ports } = portsOf(this.#simulation, process, this.#shared);
    const views = fills ? await store.open(definition) : ports.views;
    const patience = { initialDelayMs: 20, maxDelayMs: 200 };
    const layer = new SpeedLayer({
      log,
      views: retrying(views, patience),
      definition,
      ...(fills ? { fillFrom: () => fillFrom(store, views, definition.id) } : {}),
      clock,
      gatherMs: GATHER_MS,
      stateCache: STATE_CACHES[this.#all.length % STATE_CACHES.length] ?? 1,
      patience,
    });
    let next = await layer.assigned(partition);
    while (!signal.aborted) {
      const maxRecords = this.#simulation.random.between(1, 6);
      const batch = await log.read(partition, next, { maxRecords, waitMs: 5_000, signal });
      if (batch.records.length > 0) await layer.records(partition, batch);
      next = batch.next;
    }
    await layer.revoked(partition);
  }
}

const isAlive = ({ process }: Member): boolean => process.state === 'running' || process.state === 'stopped';

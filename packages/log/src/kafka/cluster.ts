import { setTimeout as pause } from 'node:timers/promises';
import { LogError } from '../error.ts';
import { type Link, LinkClosedError, type LinkOptions, openLink } from './link.ts';
import { isTransient } from './outage.ts';
import { type Address, type Metadata, metadata } from './requests/metadata.ts';
import { failOn, ProtocolError } from './wire/protocol-error.ts';
import type { Request } from './wire/request.ts';

/** What the brokers said of themselves and the topic, and when. */
export type Topology = Metadata & { readonly atMs: number };

const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
const NO_ERROR = 0;
/** A broker that has just started may not know the topic yet: only after so long is it taken to be deleted. */
const DELETED_AFTER_MS = 5_000;
const UNKNOWN_TOPIC = 3;

/**
 * The brokers as one process sees them for one topic: who leads what, and a connection to a node for each lane. Requests
 * of one connection are answered in turn, so whatever may wait long (a fetch, a rebalance, replicas) has a lane of its own.
 * Nothing here has a timer: what is stale is found by asking, or because an answer says so.
 */
export class Cluster {
  readonly #seeds: readonly Address[];
  readonly #topic: string;
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Promise<Link>>();
  readonly #closing = new AbortController();
  #topology: Topology | null = null;
  #asking: Promise<Topology> | null = null;
  /** Known once the topic was opened: whoever comes under its name later is another one. */
  #topicId: string | null = null;
  #missingSinceMs: number | null = null;

  constructor(seeds: readonly Address[], topic: string, options: LinkOptions) {
    this.#seeds = seeds;
    this.#topic = topic;
    this.#options = options;
  }

  get topic(): string {
    return this.#topic;
  }

  /** From now on only this topic counts as the one that was opened. */
  bind(topicId: string): void {
    this.#topicId = topicId;
  }

  /** Asks anew. Those who ask meanwhile share the answer. */
  refresh(): Promise<Topology> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** What is known, of whatever topic; asked when nothing is. */
  async metadata(): Promise<Topology> {
    return this.#topology ?? (await this.refresh());
  }

  /** The topology that is not older, and is of the topic that was opened. */
  async topology(maxAgeMs: number): Promise<Topology> {
    const known = this.#topology;
    const isFresh = known !== null && known.topicError === NO_ERROR && performance.now() - known.atMs <= maxAgeMs;
    const topology = isFresh ? known : await this.refresh();
    this.#checkTopic(topology);
    return topology;
  }

  /** The node that leads a partition, as far as is known. */
  async leaderOf(partition: number): Promise<number> {
    const { leaders } = await this.topology(Number.POSITIVE_INFINITY);
    const leader = leaders.get(partition);
    if (leader === undefined || leader < 0) throw new ProtocolError(5, `Partition ${partition}`);
    return leader;
  }

  /** One request to one node. A connection that can't be trusted any more is not used again. */
  async send<T>(node: number, lane: string, request: Request<T>): Promise<T> {
    const address = this.#topology?.brokers.get(node);
    if (address === undefined) throw new ProtocolError(8, `Broker ${node}`);
    return this.#sendTo(address, lane, request);
  }

  /** One request to any node that answers. */
  async sendToAny<T>(request: Request<T>): Promise<T> {
    let last: unknown;
    for (const address of this.#addresses()) {
      try {
        return await this.#sendTo(address, 'main', request);
      } catch (error) {
        if (!isTransient(error) || error instanceof ProtocolError) throw error;
        last = error;
      }
    }
    throw last;
  }

  /**
   * Tries until it succeeds, for so long as the reason is one that passes; each time after the metadata was asked for anew.
   * Then the last error is thrown as it is.
   */
  async persist<T>(withinMs: number, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        const isOver = performance.now() + pauseMs > deadline || signal?.aborted || this.#closing.signal.aborted;
        if (!isTransient(error) || isOver) throw error;
        await pause(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {});
        await this.refresh().catch(() => {
          // The next attempt says why.
        });
      }
    }
  }

  /** Closes a lane to whatever node it was opened. */
  closeLane(lane: string): void {
    for (const [name, link] of this.#links) if (name.endsWith(` ${lane}`)) this.#drop(name, link);
  }

  close(): void {
    this.#closing.abort();
    for (const [name, link] of this.#links) this.#drop(name, link);
  }

  async #ask(): Promise<Topology> {
    const answered = await this.sendToAny(metadata(this.#topic));
    if (answered.topicError !== NO_ERROR && answered.topicError !== UNKNOWN_TOPIC) {
      failOn(answered.topicError, `The topic ${this.#topic}`);
    }
    const atMs = performance.now();
    this.#topology = { ...answered, atMs };
    this.#missingSinceMs = answered.topicError === UNKNOWN_TOPIC ? (this.#missingSinceMs ?? atMs) : null;
    return this.#topology;
  }

  #checkTopic(topology: Topology): void {
    const isMissing = topology.topicError === UNKNOWN_TOPIC;
    if (!isMissing && (this.#topicId === null || topology.topicId === this.#topicId)) return;
    const missingMs = topology.atMs - (this.#missingSinceMs ?? topology.atMs);
    if (isMissing && missingMs < DELETED_AFTER_MS) throw new ProtocolError(UNKNOWN_TOPIC, `The topic ${this.#topic}`);
    throw new LogError(
      'TIDEMARK_LOG_REPLACED',
      `The topic ${this.#topic} was deleted${isMissing ? '' : ' and made again'} since it was opened. Restore it, or start again: what of the data was made from the old one is found then.`,
    );
  }

  /** Those that are connected first; the seeds last, since they may have moved. */
  #addresses(): readonly Address[] {
    const known = [...(this.#topology?.brokers.values() ?? [])];
    const isLinked = ({ host, port }: Address) => this.#links.has(`${host}:${port} main`);
    const order = [...known.filter(isLinked), ...known.filter((each) => !isLinked(each)), ...this.#seeds];
    return [...new Map(order.map((each) => [`${each.host}:${each.port}`, each])).values()];
  }

  async #sendTo<T>(address: Address, lane: string, request: Request<T>): Promise<T> {
    const name = `${address.host}:${address.port} ${lane}`;
    const link = this.#link(name, address);
    try {
      return await (await link).send(request);
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#drop(name, link);
      throw error;
    }
  }

  #link(name: string, address: Address): Promise<Link> {
    if (this.#closing.signal.aborted) throw new LinkClosedError('The log was closed.');
    const existing = this.#links.get(name);
    if (existing !== undefined) return existing;
    const opening = openLink(address, this.#options);
    this.#links.set(name, opening);
    return opening;
  }

  #drop(name: string, link: Promise<Link>): void {
    if (this.#links.get(name) === link) this.#links.delete(name);
    link.then(
      (opened) => opened.close(),
      () => {},
    );
  }
}

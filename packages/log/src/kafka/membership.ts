import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer } from 'kafkajs';
import { LogError } from '../error.ts';
import { cooperative, type Standing } from './assignment.ts';
import { Client, type ClientSettings } from './client.ts';
import { isTransient } from './outage.ts';

export type MembershipOptions = {
  readonly topic: string;
  readonly settings: ClientSettings;
  readonly group: string;
  /** After so long without a heartbeat the coordinator, and the member itself, take it for dead. */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  /** What the member holds, for the others. */
  standing(): Pick<Standing, 'owned' | 'isLeaving'>;
  /** All that is its own from now on. */
  onAssigned(partitions: readonly number[]): void;
  /** Rejects for good when the topic is not the one that was opened any more: a member without partitions sees it by nothing else. */
  checkTopic(): Promise<unknown>;
  /** The others may have taken everything. */
  onLost(): void;
  /** The group can't be used. */
  onFatal(error: unknown): void;
};

/** kafkajs's consumer asks for heartbeats, growth and its own end at this pace while it has nothing to fetch. */
const ROUND_MS = 200;
/** How long the others are waited for when partitions are shared anew; all join within a heartbeat. */
const REBALANCE_MS = 10_000;
/** A consumer that is no member for so long hangs somewhere (#1445), and is given up. */
const STALLED_AFTER_MS = 20_000;
const METADATA_AGE_MS = 1_000;
const RETRIES = 8;
const RETRY_MS = 200;
const LEAVE_WITHIN_MS = 3_000;

/** What kafkajs takes for a broker's word that the group shares its partitions anew. */
class RejoinError extends Error {
  readonly type = 'REBALANCE_IN_PROGRESS';
}

const unexpected = async (): Promise<void> => {
  throw new TypeError('A record for a member whose partitions are all paused.');
};

/**
 * One member of a consumer group, by kafkajs's consumer. All its partitions are paused, for good: it joins, heartbeats and
 * notices growth, and is never given a record. So no handler's turn holds a heartbeat up (#1396), no partition another
 * (#1732), and no offset is moved silently (#1119); nothing is ever committed. By its own clock, counted from before a
 * heartbeat was sent, the member knows when the others may have taken it for dead.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #leaving = new AbortController();
  readonly #expiry: NodeJS.Timeout;
  readonly #stall: NodeJS.Timeout;
  readonly #ended: Promise<void>;
  #end: (() => Promise<void>) | null = null;
  #giveUp = () => {};
  #wantsToJoin = false;
  #aliveUntil = 0;
  /** When the last request that counts as a sign of life was sent. */
  #sentAt = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
    // Put forward by each heartbeat: the handlers hear of the end of the session even while a heartbeat hangs.
    this.#expiry = setTimeout(() => this.#lose(), options.sessionMs).unref();
    this.#stall = setTimeout(() => this.#giveUp(), STALLED_AFTER_MS).unref();
    this.#ended = this.#run();
  }

  /** Whether the member may still act for its partitions. */
  isAlive(): boolean {
    return performance.now() < this.#aliveUntil;
  }

  /** Says anew what it holds; the partitions are shared anew then. */
  rejoin(): void {
    this.#wantsToJoin = true;
  }

  /** What it held goes to the others at once. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    clearTimeout(this.#expiry);
    clearTimeout(this.#stall);
    await this.#end?.();
    await this.#ended;
    this.#aliveUntil = 0;
  }

  /** A consumer that crashed is followed by a new one, as another member, so long as the reason is one that passes. */
  async #run(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      const reason = await this.#consume();
      if (signal.aborted) return;
      this.#lose();
      const error = isTransient(reason) ? await this.#topicError(reason) : reason;
      if (!isTransient(error)) return this.#options.onFatal(error);
      await pause(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Why the member can't go on: the topic's own reason if there is one. */
  #topicError(reason: unknown): Promise<unknown> {
    return this.#options.checkTopic().then(
      () => reason,
      (error: unknown) => error,
    );
  }

  /** Resolves when the consumer has ended, with the reason if it crashed. */
  async #consume(): Promise<unknown> {
    const { topic, settings, group, sessionMs, heartbeatMs } = this.#options;
    const client = new Client(settings, RETRIES);
    const consumer = client.consumer({
      groupId: group,
      partitionAssigners: [cooperative(topic, () => this.#standing())],
      sessionTimeout: sessionMs,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: REBALANCE_MS,
      maxWaitTimeInMs: ROUND_MS,
      metadataMaxAge: METADATA_AGE_MS,
      allowAutoTopicCreation: false,
      retry: { retries: RETRIES, restartOnFailure: async () => false },
    });
    const ended = new Promise<unknown>((resolve) => {
      this.#end = async () => {
        const left = consumer.disconnect().catch(() => {
          // Nobody to tell: the session runs out by itself.
        });
        await Promise.race([left, pause(LEAVE_WITHIN_MS, undefined, { ref: false })]);
        resolve(null);
      };
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
      this.#giveUp = () => resolve(new LogError('TIDEMARK_LOG_UNAVAILABLE', 'The consumer is no member any more.'));
    });
    this.#listen(consumer);
    this.#stall.refresh();
    const run = async (): Promise<unknown> => {
      await consumer.connect();
      await consumer.subscribe({ topic });
      if (!this.#leaving.signal.aborted) await consumer.run({ autoCommit: false, eachBatch: unexpected });
      return ended;
    };
    try {
      return await Promise.race([run(), ended]);
    } catch (error) {
      return error;
    } finally {
      this.#end = null;
      client.close();
    }
  }

  #listen(consumer: Consumer): void {
    const { topic, onAssigned } = this.#options;
    const { REQUEST, HEARTBEAT, REBALANCING, GROUP_JOIN, FETCH_START } = consumer.events;
    consumer.on(REQUEST, ({ payload }) => {
      const isSign = payload.apiName === 'Heartbeat' || payload.apiName === 'SyncGroup';
      if (isSign) this.#sentAt = performance.now() - payload.duration;
    });
    consumer.on(HEARTBEAT, () => this.#prolong());
    // The answer to a heartbeat, too.
    consumer.on(REBALANCING, () => this.#prolong());
    consumer.on(GROUP_JOIN, ({ payload }) => {
      consumer.pause([{ topic }]);
      this.#prolong();
      onAssigned(payload.memberAssignment[topic] ?? []);
    });
    consumer.on(FETCH_START, () => {
      // kafkajs has no call for joining again; what a listener throws it takes as the reason why a fetch failed.
      if (this.#wantsToJoin) throw new RejoinError('What the member holds has changed.');
    });
  }

  #standing(): Pick<Standing, 'owned' | 'isLeaving'> {
    this.#wantsToJoin = false;
    // Whoever joins after its session is over holds nothing, even when its timers did not run meanwhile.
    if (!this.isAlive()) this.#lose();
    return this.#options.standing();
  }

  #prolong(): void {
    this.#aliveUntil = this.#sentAt + this.#options.sessionMs;
    this.#expiry.refresh();
    this.#stall.refresh();
  }

  #lose(): void {
    this.#aliveUntil = 0;
    this.#options.onLost();
  }
}

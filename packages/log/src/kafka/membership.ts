import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  assign,
  decodeAssignment,
  decodeStanding,
  encodeAssignment,
  encodeStanding,
  PROTOCOL,
  type Standing,
} from './assignment.ts';
import type { Cluster } from './cluster.ts';
import { isTransient } from './outage.ts';
import { findCoordinator, heartbeat, joinGroup, leaveGroup, MEMBER_ID_REQUIRED, syncGroup } from './requests/group.ts';
import { isProtocolError } from './wire/protocol-error.ts';

/** How long the others are waited for when partitions are shared anew; all join within a heartbeat. */
const REBALANCE_MS = 10_000;
const RETRY_MS = 200;
const LEAVE_WITHIN_MS = 2_000;

export type MembershipOptions = {
  readonly cluster: Cluster;
  readonly group: string;
  /** After so long without a heartbeat the coordinator, and the member itself, take it for dead. */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  /** What the member holds, for the others. */
  standing(): Omit<Standing, 'partitions'>;
  /** All that is its own from now on. */
  onAssigned(partitions: readonly number[]): void;
  /** The others may have taken everything. */
  onLost(): void;
  /** The group can't be used. */
  onFatal(error: unknown): void;
};

/** Errors after which a member joins again and again; whatever is not listed, and does not pass, is fatal. */
const REJOIN = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'];
const OTHER_COORDINATOR = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'BROKER_NOT_AVAILABLE'];

/**
 * One member of a consumer group, by Kafka's classic group protocol. Heartbeats go out by the clock on a connection of
 * their own, whatever the handlers do and while the group is being shared anew. By its own clock, counted from before a
 * heartbeat was sent, the member knows when the others may have taken it for dead.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #lanes: { readonly join: string; readonly beat: string };
  readonly #leaving = new AbortController();
  readonly #ended: Promise<unknown>;
  readonly #expiry: NodeJS.Timeout;
  #coordinator: number | null = null;
  #memberId = '';
  /** Null while it is no member. */
  #generation: number | null = null;
  #joins = 0;
  #isJoining = false;
  #partitions = 0;
  #aliveUntil = 0;
  #wantsToJoin = true;
  #wake = () => {};

  constructor(options: MembershipOptions) {
    this.#options = options;
    const id = randomUUID();
    this.#lanes = { join: `join ${id}`, beat: `beat ${id}` };
    // Put forward by each heartbeat: the handlers hear of the end of the session even while a heartbeat hangs.
    this.#expiry = setTimeout(() => this.#lose(), options.sessionMs).unref();
    this.#ended = Promise.all([this.#joinWhenNeeded(), this.#beat()]);
  }

  /** Whether the member may still act for its partitions. */
  isAlive(): boolean {
    return performance.now() < this.#aliveUntil;
  }

  /** Says anew what it holds; the partitions are shared anew then. */
  rejoin(): void {
    this.#wantsToJoin = true;
    this.#wake();
  }

  /** What it held goes to the others at once. */
  async leave(): Promise<void> {
    const { cluster, group } = this.#options;
    this.#leaving.abort();
    this.#wake();
    clearTimeout(this.#expiry);
    cluster.closeLane(this.#lanes.join);
    if (this.#coordinator !== null && this.#memberId !== '') {
      const request = leaveGroup(group, this.#memberId);
      const left = cluster.send(this.#coordinator, this.#lanes.beat, request).catch(() => {
        // Nobody to tell: the session runs out by itself.
      });
      await Promise.race([left, pause(LEAVE_WITHIN_MS, undefined, { ref: false })]);
    }
    this.#aliveUntil = 0;
    cluster.closeLane(this.#lanes.beat);
    await this.#ended;
  }

  #lose(): void {
    this.#aliveUntil = 0;
    this.#generation = null;
    this.#options.onLost();
    this.rejoin();
  }

  #prolong(sentAt: number): void {
    this.#aliveUntil = sentAt + this.#options.sessionMs;
    this.#expiry.refresh();
  }

  async #joinWhenNeeded(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      if (!this.#wantsToJoin) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#wantsToJoin = false;
      try {
        await this.#join();
      } catch (error) {
        this.#isJoining = false;
        if (signal.aborted) return;
        this.#wantsToJoin = true;
        if (!(await this.#heal(error))) return;
      }
    }
  }

  async #join(): Promise<void> {
    const { cluster, group, sessionMs, standing, onAssigned } = this.#options;
    const { leaders } = await cluster.topology(0);
    const metadata = encodeStanding(cluster.topic, { ...standing(), partitions: leaders.size });
    const coordinator = await this.#findCoordinator();
    const join = () => {
      const asked = {
        group,
        memberId: this.#memberId,
        sessionMs,
        rebalanceMs: REBALANCE_MS,
        protocol: PROTOCOL,
        metadata,
      };
      return cluster.send(coordinator, this.#lanes.join, joinGroup(asked));
    };
    this.#isJoining = true;
    let joined = await join();
    this.#memberId = joined.memberId;
    if (joined.error === MEMBER_ID_REQUIRED) joined = await join();
    const { generation, memberId } = joined;
    const shares = joined.isLeader
      ? assign(new Map(joined.members.map((member) => [member.memberId, decodeStanding(member.metadata)])))
      : new Map<string, readonly number[]>();
    const encoded = new Map([...shares].map(([id, partitions]) => [id, encodeAssignment(cluster.topic, partitions)]));
    this.#generation = generation;
    this.#joins += 1;
    this.#isJoining = false;
    const sentAt = performance.now();
    const request = syncGroup({ group, generation, memberId }, encoded, REBALANCE_MS + sessionMs);
    const assignment = decodeAssignment(await cluster.send(coordinator, this.#lanes.join, request));
    // Lost or left while it waited.
    if (this.#generation !== generation || this.#leaving.signal.aborted) return;
    this.#partitions = leaders.size;
    this.#prolong(sentAt);
    onAssigned(assignment);
  }

  async #findCoordinator(): Promise<number> {
    const { cluster, group } = this.#options;
    this.#coordinator ??= await cluster.sendToAny(findCoordinator(group));
    return this.#coordinator;
  }

  async #beat(): Promise<void> {
    const { cluster, group, sessionMs, heartbeatMs } = this.#options;
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      await pause(heartbeatMs, undefined, { signal }).catch(() => {});
      const [generation, joins, coordinator] = [this.#generation, this.#joins, this.#coordinator];
      if (signal.aborted || generation === null || coordinator === null) continue;
      const sentAt = performance.now();
      try {
        const beat = heartbeat({ group, generation, memberId: this.#memberId }, sessionMs / 2);
        await cluster.send(coordinator, this.#lanes.beat, beat);
        if (this.#generation === generation) this.#prolong(sentAt);
        const { leaders } = await cluster.topology(heartbeatMs);
        if (leaders.size > this.#partitions) this.rejoin();
      } catch (error) {
        // The answer may be about the generation before the one that was joined meanwhile, or is being joined.
        if (signal.aborted || joins !== this.#joins || this.#generation === null) continue;
        if (this.#isJoining && isProtocolError(error, 'ILLEGAL_GENERATION')) continue;
        if (isProtocolError(error, 'REBALANCE_IN_PROGRESS')) {
          this.#prolong(sentAt);
          this.rejoin();
        } else if (!(await this.#heal(error))) return;
      }
    }
  }

  /** Answers whether to go on after an error. */
  async #heal(error: unknown): Promise<boolean> {
    if (isProtocolError(error, 'UNKNOWN_MEMBER_ID')) this.#memberId = '';
    if (isProtocolError(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION')) this.#lose();
    if (isProtocolError(error, ...REJOIN)) return true;
    if (!isTransient(error)) {
      this.#options.onFatal(error);
      return false;
    }
    if (!isProtocolError(error) || isProtocolError(error, ...OTHER_COORDINATOR)) this.#coordinator = null;
    await pause(RETRY_MS, undefined, { signal: this.#leaving.signal }).catch(() => {});
    await this.#options.cluster.refresh().catch(() => {
      // The next attempt says why.
    });
    return true;
  }
}

import type { RejectCode } from '@tidemark/contracts';
import type { Counter } from './counter.ts';
import { malform } from './malformed.ts';
import type { Random } from './random.ts';
import type { Sent, ShopState } from './state.ts';

/** One record of the live stream, and the truth about it. `customerId` is what a producer keys it by. */
export type LiveItem =
  | {
      /** `event`: on time. `late`: it occurred hours to days ago. `repeat`: the very bytes of an item before. */
      readonly kind: 'event' | 'late' | 'repeat';
      readonly customerId: string;
      readonly bytes: Uint8Array;
      /** True when events that were made after it have been sent before it. */
      readonly overtaken: boolean;
    }
  | {
      readonly kind: 'malformed';
      readonly customerId: string;
      readonly bytes: Uint8Array;
      /** What `parse` must refuse it with. */
      readonly code: RejectCode;
    };

const HOUR_MS = 3_600_000;
const LATEST_HOURS = 96;
/** Bounds how many events may be held back at once, and for how many items. */
const MAX_OVERTAKEN = 20;
/** How many records are kept for repeats, of those just sent and of those sent long ago. */
const MAX_RECENT = 100;
const MAX_OLD = 200;
const OLD_SHARE = 0.005;
/** Share of the repeats that come much later, when no repeat window knows the event any more. */
const MUCH_LATER_SHARE = 0.2;

const encoder = new TextEncoder();

/** Mixes what the counter makes into what a log is really sent. */
export class LiveStream {
  private readonly state: ShopState;
  private readonly random: Random;
  private readonly counter: Counter;

  constructor(state: ShopState, random: Random, counter: Counter) {
    this.state = state;
    this.random = random;
    this.counter = counter;
  }

  next(nowMs: number): LiveItem {
    this.state.lastMs = Math.max(this.state.lastMs, nowMs);
    const due = this.dueOvertaken();
    if (due !== null) return this.send('event', due, true);
    const { late, repeated, malformed } = this.state.options.rates;
    const share = this.random.unit();
    if (share < malformed) return this.malformed();
    if (share < malformed + late) return this.late();
    if (share < malformed + late + repeated) return this.repeat();
    return this.event();
  }

  /** Keeps a record that was sent, so that it can be sent again. */
  remember(sent: Sent): void {
    const { recent, old } = this.state;
    recent.push(sent);
    if (recent.length > MAX_RECENT) recent.shift();
    if (!this.random.chance(OLD_SHARE)) return;
    if (old.length < MAX_OLD) old.push(sent);
    else old[this.random.between(0, MAX_OLD - 1)] = sent;
  }

  private event(): LiveItem {
    const { overtaken, options } = this.state;
    while (overtaken.length < MAX_OVERTAKEN && this.random.chance(options.rates.outOfOrder)) {
      overtaken.push({ sent: this.made(this.state.lastMs), items: this.random.between(1, MAX_OVERTAKEN) });
    }
    return this.send('event', this.made(this.state.lastMs), false);
  }

  private late(): LiveItem {
    const atMs = this.state.lastMs - this.random.between(HOUR_MS, LATEST_HOURS * HOUR_MS);
    const event = this.counter.fresh(Math.max(atMs, 0));
    return this.send('late', { customerId: event.customer_id, text: JSON.stringify(event) }, false);
  }

  private repeat(): LiveItem {
    const kept = this.random.chance(MUCH_LATER_SHARE) ? this.state.old : this.state.recent;
    const sent = kept[this.random.between(0, Math.max(kept.length - 1, 0))];
    if (sent === undefined) return this.event();
    return { kind: 'repeat', customerId: sent.customerId, bytes: encoder.encode(sent.text), overtaken: false };
  }

  private malformed(): LiveItem {
    const event = this.counter.engagement(this.state.lastMs);
    const { bytes, code } = malform(event, this.state.options.currency, this.random);
    return { kind: 'malformed', customerId: event.customer_id, bytes, code };
  }

  private made(atMs: number): Sent {
    const event = this.counter.next(atMs);
    return { customerId: event.customer_id, text: JSON.stringify(event) };
  }

  private send(kind: 'event' | 'late', sent: Sent, overtaken: boolean): LiveItem {
    this.remember(sent);
    return { kind, customerId: sent.customerId, bytes: encoder.encode(sent.text), overtaken };
  }

  /** Counts down what is held back, and takes out the first that has waited long enough. */
  private dueOvertaken(): Sent | null {
    const { overtaken } = this.state;
    for (const held of overtaken) held.items--;
    const index = overtaken.findIndex((held) => held.items < 0);
    return index === -1 ? null : (overtaken.splice(index, 1)[0]?.sent ?? null);
  }
}

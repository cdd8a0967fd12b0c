import { Counter, type WireEvent } from './counter.ts';
import { type LiveItem, LiveStream } from './live.ts';
import { Random } from './random.ts';
import { checkState, newState, type ShopOptions, type ShopState } from './state.ts';

export type HistoryItem = { readonly event: WireEvent; readonly text: string };

/** A shop whose truth is known: what it sends is decided by its options and the times it is asked at. */
export type Shop = {
  /** What is left of the history: events in the order of their times, each once, none malformed. */
  history(): IterableIterator<HistoryItem>;
  /**
   * The next record of the endless live stream at `nowMs` (UTC; the shop's clock never goes back). It follows the
   * history, or as much of that as was asked for.
   */
  live(nowMs: number): LiveItem;
  /** Everything that decides what comes next, as JSON; about half a megabyte at most, however long the shop has run. */
  state(): ShopState;
};

/**
 * Opens a shop. Throws `TIDEMARK_SHOP_STATE` for options out of their bounds, `TIDEMARK_CURRENCY_UNKNOWN` for a
 * currency that contracts don't know.
 */
export function createShop(options: ShopOptions): Shop {
  const random = Random.fromSeed(options.seed);
  return shopOf(newState(options, random.state()), random);
}

/** Continues the very sequence that `state` was taken from. Throws `TIDEMARK_SHOP_STATE` when it is no shop's state. */
export function resumeShop(state: unknown): Shop {
  const checked = checkState(state);
  return shopOf(checked, Random.fromState(checked.random));
}

function shopOf(state: ShopState, random: Random): Shop {
  const counter = new Counter(state, random);
  const stream = new LiveStream(state, random, counter);
  return {
    history: () => history(state, random, counter, stream),
    live: (nowMs) => stream.next(nowMs),
    state: () => structuredClone({ ...state, random: [...random.state()] }),
  };
}

function* history(
  state: ShopState,
  random: Random,
  counter: Counter,
  stream: LiveStream,
): IterableIterator<HistoryItem> {
  const { historyEvents, startMs, endMs } = state.options;
  while (state.historyMade < historyEvents) {
    const share = (state.historyMade++ + random.unit()) / historyEvents;
    state.lastMs = startMs + Math.floor((endMs - startMs) * share);
    const event = counter.next(state.lastMs);
    const text = JSON.stringify(event);
    // An imported event may be sent again live, much later.
    stream.remember({ customerId: event.customer_id, text });
    yield { event, text };
  }
}

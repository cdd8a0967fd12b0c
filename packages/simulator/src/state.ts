import { TidemarkError } from '@tidemark/contracts';
import { z } from 'zod';

const STATE_VERSION = 1;

const rates = z.strictObject({
  /** Shares of the live stream's items, 0 to 1; what is left is events on time. Together they are at most 1. */
  late: z.number().min(0).max(1),
  repeated: z.number().min(0).max(1),
  malformed: z.number().min(0).max(1),
  /** Share of the events on time that others overtake. */
  outOfOrder: z.number().min(0).max(1),
});

const openOrder = z.strictObject({
  id: z.string(),
  customerId: z.string(),
  dateMs: z.int(),
  minor: z.int(),
  status: z.string(),
});

const openTicket = z.strictObject({
  id: z.string(),
  customerId: z.string(),
  dateMs: z.int(),
  category: z.string(),
  priority: z.string(),
});

/** A record as it was sent, and the customer it is keyed by. */
const sent = z.strictObject({ customerId: z.string(), text: z.string() });

const options = z.strictObject({
  seed: z.int(),
  currency: z.string(),
  /** How many customers there are; a few of them do most of what happens. */
  customers: z.int().min(1).max(1_000_000),
  /** The history: so many events, spread evenly from `startMs` (included) to `endMs` (excluded). */
  historyEvents: z.int().min(0),
  startMs: z.int(),
  endMs: z.int(),
  rates,
});

/** Everything that decides what a shop does next. Bounded: a shop forgets orders and tickets it can't keep. */
const shopState = z.strictObject({
  version: z.literal(STATE_VERSION),
  options,
  random: z.array(z.number()),
  /** How many events of the history have been made. */
  historyMade: z.int(),
  /** Numbers the events, orders, tickets and refunds. */
  made: z.int(),
  lastMs: z.int(),
  orders: z.array(openOrder),
  tickets: z.array(openTicket),
  /** Records sent lately, and some of those sent long ago, for repeats. */
  recent: z.array(sent),
  old: z.array(sent),
  /** Events that others overtake, and after how many more items each is sent. */
  overtaken: z.array(z.strictObject({ sent, items: z.int() })),
});

export type Rates = z.output<typeof rates>;
export type OpenOrder = z.output<typeof openOrder>;
export type OpenTicket = z.output<typeof openTicket>;
export type Sent = z.output<typeof sent>;
export type ShopState = z.output<typeof shopState>;
export type ShopOptions = Omit<z.output<typeof options>, 'rates'> & {
  /** Those not named are as in `DEFAULT_RATES`. */
  readonly rates?: Partial<Rates>;
};

export const DEFAULT_RATES: Rates = { late: 0.03, repeated: 0.03, malformed: 0.01, outOfOrder: 0.02 };

/** The state of a shop that has just opened. Throws `TIDEMARK_SHOP_STATE` when an option is out of its bounds. */
export function newState(given: ShopOptions, random: readonly number[]): ShopState {
  return checkState({
    version: STATE_VERSION,
    options: { ...given, rates: { ...DEFAULT_RATES, ...given.rates } },
    random,
    historyMade: 0,
    made: 0,
    lastMs: given.startMs,
    orders: [],
    tickets: [],
    recent: [],
    old: [],
    overtaken: [],
  });
}

/** A copy of `value` if it is the state of a shop, as it was saved; throws `TIDEMARK_SHOP_STATE` if it is not. */
export function checkState(value: unknown): ShopState {
  const result = shopState.safeParse(value);
  if (!result.success) throw new ShopStateError(z.prettifyError(result.error));
  const { late, repeated, malformed } = result.data.options.rates;
  if (late + repeated + malformed > 1) throw new ShopStateError('the rates of a live stream add up to more than 1');
  if (result.data.options.endMs < result.data.options.startMs) throw new ShopStateError('endMs is before startMs');
  return result.data;
}

export class ShopStateError extends TidemarkError {
  constructor(reason: string) {
    super('TIDEMARK_SHOP_STATE', `the shop can't be opened with these options or this saved state: ${reason}`);
  }
}

import type { HistoryRecord } from './history.ts';
import { asSigned, type Line, settled } from './ledger.ts';
import {
  type Engagement,
  type Order,
  type Profile,
  type Refund,
  readEngagement,
  readOrder,
  readProfile,
  readRefund,
  readTicket,
  type Ticket,
} from './readers.ts';

/** All lines of one customer. */
export type Book = {
  readonly orders: readonly Line<Order>[];
  readonly refunds: readonly Line<Refund>[];
  readonly tickets: readonly Line<Ticket>[];
  readonly engagements: readonly Line<Engagement>[];
  readonly profiles: readonly Line<Profile>[];
};

/** Sources whose rows have a key and can be revised without ever having been made. */
export type KeyedSource = 'orders' | 'refunds' | 'support_tickets';

/** How the customer stands after `records`, which are in total order and without repeats. */
export function settledBook(records: readonly HistoryRecord[]): {
  readonly book: Book;
  readonly unmatched: Readonly<Record<KeyedSource, number>>;
} {
  const orders = settled(records, readOrder);
  const refunds = settled(records, readRefund);
  const tickets = settled(records, readTicket);
  return {
    book: {
      orders: orders.lines,
      refunds: refunds.lines,
      tickets: tickets.lines,
      engagements: asSigned(records, readEngagement),
      profiles: asSigned(records, readProfile),
    },
    unmatched: { orders: orders.unmatched, refunds: refunds.unmatched, support_tickets: tickets.unmatched },
  };
}

/** What `records` say of themselves, nothing looked up. */
export const signedBook = (records: readonly HistoryRecord[]): Book => ({
  orders: asSigned(records, readOrder),
  refunds: asSigned(records, readRefund),
  tickets: asSigned(records, readTicket),
  engagements: asSigned(records, readEngagement),
  profiles: asSigned(records, readProfile),
});

export const bothBooks = (a: Book, b: Book): Book => ({
  orders: [...a.orders, ...b.orders],
  refunds: [...a.refunds, ...b.refunds],
  tickets: [...a.tickets, ...b.tickets],
  engagements: [...a.engagements, ...b.engagements],
  profiles: [...a.profiles, ...b.profiles],
});

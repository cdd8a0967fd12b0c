import { compareUtf8, formatMoney, formatTime } from '@tidemark/contracts';
import type { Book } from './customer-book.ts';
import { countOf, type Line, netCounts, standing } from './ledger.ts';
import type { Profile } from './readers.ts';

/** The value of every shipped customer metric, exactly as the API's JSON carries it. */
export type NaiveMetrics = {
  readonly total_revenue: string;
  readonly order_count: number;
  readonly avg_order_value: string | null;
  readonly first_order_date: string | null;
  readonly last_order_date: string | null;
  readonly days_since_last_order: number | null;
  readonly customer_lifetime_days: number | null;
  readonly estimated_clv: string | null;
  readonly cancelled_orders: number;
  readonly refunds_total: string;
  readonly refund_count: number;
  readonly tickets_total: number;
  readonly open_tickets: number;
  readonly tickets_30d: number;
  readonly high_priority_tickets_30d: number;
  readonly tickets_by_category: Readonly<Record<string, number>>;
  readonly last_ticket_date: string | null;
  readonly email_opens: number;
  readonly email_opens_30d: number;
  readonly email_clicks: number;
  readonly email_clicks_30d: number;
  readonly campaign_views: number;
  readonly campaign_views_30d: number;
  readonly campaigns_engaged: number;
  readonly last_engagement_date: string | null;
  readonly segment: string | null;
  readonly country: string | null;
  readonly birth_year: number | null;
  readonly at_risk: boolean;
  readonly at_risk_reasons: readonly string[];
};

/** The moment (UTC ms) an answer speaks of, and the deployment's currency. */
export type Asked = { readonly asOfMs: number; readonly currency: string };

/** Every metric of one customer's lines, each by a plain loop over them. */
export function naiveMetrics(book: Book, { asOfMs, currency }: Asked): NaiveMetrics {
  return {
    ...orderMetrics(book, asOfMs, currency),
    ...supportMetrics(book, asOfMs),
    ...marketingMetrics(book, asOfMs),
    ...profileMetrics(book),
  };
}

function orderMetrics({ orders, refunds }: Book, asOfMs: number, currency: string) {
  const kept = orders.filter(({ row }) => !row.cancelled);
  const revenue = total(kept);
  const orderCount = countOf(kept);
  const dates = standing(kept, ({ date }) => date);
  const first = dates[0] ?? null;
  const last = dates.at(-1) ?? null;
  const lifetimeDays = first === null || last === null ? null : Math.floor((last - first) / DAY_MS) + 1;
  return {
    total_revenue: formatMoney(revenue, currency),
    order_count: orderCount,
    avg_order_value: orderCount === 0 ? null : formatMoney(rounded(revenue, BigInt(orderCount)), currency),
    first_order_date: dateText(first),
    last_order_date: dateText(last),
    days_since_last_order: last === null ? null : Math.floor((asOfMs - last) / DAY_MS),
    customer_lifetime_days: lifetimeDays,
    estimated_clv:
      lifetimeDays === null ? null : formatMoney(rounded(revenue * BigInt(lifetimeDays) * 2n, 365n), currency),
    cancelled_orders: countOf(orders.filter(({ row }) => row.cancelled)),
    refunds_total: formatMoney(total(refunds), currency),
    refund_count: countOf(refunds),
  };
}

function supportMetrics({ tickets }: Book, asOfMs: number) {
  const recent = tickets.filter(({ row }) => isRecent(row.created, asOfMs));
  const urgent = recent.filter(({ row }) => row.priority === 'high' || row.priority === 'urgent');
  const tickets30d = countOf(recent);
  const urgent30d = countOf(urgent);
  const reasons = [
    ...(tickets30d >= 3 ? ['frequent_tickets'] : []),
    ...(urgent30d >= 2 ? ['high_priority_tickets'] : []),
  ];
  return {
    tickets_total: countOf(tickets),
    open_tickets: countOf(tickets.filter(({ row }) => !row.resolved)),
    tickets_30d: tickets30d,
    high_priority_tickets_30d: urgent30d,
    tickets_by_category: Object.fromEntries(netCounts(tickets, ({ category }) => category)),
    last_ticket_date: dateText(standing(tickets, ({ created }) => created).at(-1) ?? null),
    at_risk: reasons.length > 0,
    at_risk_reasons: reasons,
  };
}

function marketingMetrics({ engagements }: Book, asOfMs: number) {
  const ofKind = (kind: string) => engagements.filter(({ row }) => row.kind === kind);
  const recent = (kind: string) => countOf(ofKind(kind).filter(({ row }) => isRecent(row.date, asOfMs)));
  return {
    email_opens: countOf(ofKind('email_open')),
    email_opens_30d: recent('email_open'),
    email_clicks: countOf(ofKind('email_click')),
    email_clicks_30d: recent('email_click'),
    campaign_views: countOf(ofKind('campaign_view')),
    campaign_views_30d: recent('campaign_view'),
    campaigns_engaged: netCounts(engagements, ({ campaign }) => campaign).size,
    last_engagement_date: dateText(standing(engagements, ({ date }) => date).at(-1) ?? null),
  };
}

function profileMetrics({ profiles }: Book) {
  return {
    segment: newest(profiles, ({ segment }) => segment, compareUtf8),
    country: newest(profiles, ({ country }) => country, compareUtf8),
    birth_year: newest(
      profiles,
      ({ birth_year }) => birth_year,
      (a, b) => a - b,
    ),
  };
}

/**
 * The field of the newest update that speaks of it. Two updates of one time and id are a repeat that nobody could know
 * with other content: there the larger value wins, null being the smallest.
 */
function newest<V>(
  profiles: readonly Line<Profile>[],
  fieldOf: (update: Profile['event']) => V | null | undefined,
  compare: (a: V, b: V) => number,
): V | null {
  const spoken = profiles.flatMap(({ row: { event } }) => {
    const value = fieldOf(event);
    return value === undefined ? [] : [{ at: event.occurred_at, id: event.event_id, value }];
  });
  const byValue = (a: V | null, b: V | null) =>
    a === null || b === null ? Number(b === null) - Number(a === null) : compare(a, b);
  spoken.sort((a, b) => a.at - b.at || compareUtf8(a.id, b.id) || byValue(a.value, b.value));
  return spoken.at(-1)?.value ?? null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** At most 30 whole days ago by the hour, or in the future. */
function isRecent(timeMs: number, asOfMs: number): boolean {
  const startOfHour = (ms: number) => ms - (ms % HOUR_MS);
  return startOfHour(timeMs) > startOfHour(asOfMs) - 31 * DAY_MS;
}

const total = (lines: readonly Line<{ readonly amount: bigint }>[]): bigint =>
  lines.reduce((sum, { sign, row }) => sum + BigInt(sign) * row.amount, 0n);

/** The nearest integer to n ÷ d, halves away from zero. */
function rounded(n: bigint, d: bigint): bigint {
  const towardsZero = n / d;
  const rest = n % d;
  const twice = rest < 0n ? -2n * rest : 2n * rest;
  if (twice < (d < 0n ? -d : d)) return towardsZero;
  return n < 0n === d < 0n ? towardsZero + 1n : towardsZero - 1n;
}

const dateText = (ms: number | null): string | null => (ms === null ? null : formatTime(ms));

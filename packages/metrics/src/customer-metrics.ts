import { asOf, dividedBy, metric, plus, times, whole, wholeDays } from './expression.ts';
import { isNull, isTrue, not, oneOf } from './filter.ts';
import { count, countByValue, distinct, latest, max, min, sum } from './measure.ts';
import { declare, derived, flag, measured, reasons } from './metric.ts';
import { marketingEvents, orders, profiles, refunds, supportTickets } from './sources.ts';

const { order_date, total_amount, cancelled } = orders.field;
const { category, priority, created_date, resolved_date } = supportTickets.field;
const { engagement, campaign_id, event_date } = marketingEvents.field;

const kept = not(isTrue(cancelled));
const highPriority = oneOf(priority, 'high', 'urgent');
const opened = oneOf(engagement, 'email_open');
const clicked = oneOf(engagement, 'email_click');
const viewed = oneOf(engagement, 'campaign_view');

/**
 * Every customer metric, declared once. From a declaration follow the speed layer's fold, the batch engine's SQL, the
 * merge, the storage columns, the API's schema and catalog, and the laws it is tested by.
 */
export const CUSTOMER_METRICS = declare({
  total_revenue: measured(
    'Sum of all orders that are not cancelled; refunds do not lower it.',
    sum(total_amount).where(kept),
    {
      ranked: true,
    },
  ),
  order_count: measured('Orders that are not cancelled.', count(orders).where(kept), { ranked: true }),
  avg_order_value: derived(
    'Revenue per order, rounded to the minor unit.',
    'money',
    dividedBy(metric('total_revenue'), metric('order_count')),
    { ranked: true },
  ),
  first_order_date: measured('Date of the earliest order that is not cancelled.', min(order_date).where(kept)),
  last_order_date: measured('Date of the latest order that is not cancelled.', max(order_date).where(kept), {
    ranked: true,
  }),
  days_since_last_order: derived(
    'Whole days from the latest order to the moment of the answer.',
    'days',
    wholeDays(metric('last_order_date'), asOf),
  ),
  customer_lifetime_days: derived(
    'Whole days from the first to the last order, plus one.',
    'days',
    plus(wholeDays(metric('first_order_date'), metric('last_order_date')), whole(1)),
  ),
  estimated_clv: derived(
    'Estimated lifetime value: revenue × lifetime days × 2 / 365, rounded once.',
    'money',
    dividedBy(times(times(metric('total_revenue'), metric('customer_lifetime_days')), whole(2)), whole(365)),
    { ranked: true },
  ),
  cancelled_orders: measured('Orders that were cancelled.', count(orders).where(isTrue(cancelled)), { ranked: true }),

  refunds_total: measured('Sum of all refunds.', sum(refunds.field.amount), { ranked: true }),
  refund_count: measured('Number of refunds.', count(refunds)),

  tickets_total: measured('Support tickets ever created.', count(supportTickets), { ranked: true }),
  open_tickets: measured('Support tickets that are not resolved.', count(supportTickets).where(isNull(resolved_date)), {
    ranked: true,
  }),
  tickets_30d: measured('Support tickets created in the last 30 days.', count(supportTickets).over(30, created_date), {
    ranked: true,
  }),
  high_priority_tickets_30d: measured(
    'Support tickets of high or urgent priority created in the last 30 days.',
    count(supportTickets).where(highPriority).over(30, created_date),
  ),
  tickets_by_category: measured('Support tickets by category.', countByValue(category)),
  last_ticket_date: measured('Date of the latest support ticket.', max(created_date)),

  email_opens: measured('Marketing mails opened.', count(marketingEvents).where(opened)),
  email_opens_30d: measured(
    'Marketing mails opened in the last 30 days.',
    count(marketingEvents).where(opened).over(30, event_date),
  ),
  email_clicks: measured('Links in marketing mails clicked.', count(marketingEvents).where(clicked)),
  email_clicks_30d: measured(
    'Links in marketing mails clicked in the last 30 days.',
    count(marketingEvents).where(clicked).over(30, event_date),
  ),
  campaign_views: measured('Campaign pages viewed.', count(marketingEvents).where(viewed)),
  campaign_views_30d: measured(
    'Campaign pages viewed in the last 30 days.',
    count(marketingEvents).where(viewed).over(30, event_date),
    {
      ranked: true,
    },
  ),
  campaigns_engaged: measured('Different campaigns the customer opened, clicked or viewed.', distinct(campaign_id)),
  last_engagement_date: measured('Date of the latest marketing engagement.', max(event_date)),

  segment: measured('The newest known segment.', latest(profiles.field.segment)),
  country: measured('The newest known country.', latest(profiles.field.country)),
  birth_year: measured('The newest known year of birth.', latest(profiles.field.birth_year), { unit: 'year' }),

  at_risk: flag('At least one reason to fear losing the customer holds.', 'at_risk_reasons'),
  at_risk_reasons: reasons('Why the customer is at risk.', {
    frequent_tickets: { metric: 'tickets_30d', atLeast: 3 },
    high_priority_tickets: { metric: 'high_priority_tickets_30d', atLeast: 2 },
  }),
});

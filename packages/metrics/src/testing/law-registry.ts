import { CUSTOMER_METRICS } from '../customer-metrics.ts';
import { define } from '../definition.ts';
import { isNull, isTrue, not, oneOf } from '../filter.ts';
import { count, countByValue, distinct, latest, max, min, sum } from '../measure.ts';
import { declare, measured } from '../metric.ts';
import { marketingEvents, orders, profiles, refunds, SOURCES, supportTickets } from '../sources.ts';

const order = orders.field;
const refund = refunds.field;
const ticket = supportTickets.field;
const marketing = marketingEvents.field;
const profile = profiles.field;

/**
 * Every aggregate over every kind of field it takes, filtered and windowed, so that the laws speak of more than what is
 * shipped: what an aggregate allows to be declared must hold before someone declares it.
 */
const AGGREGATE_METRICS = declare({
  law_sum_money: measured('', sum(order.total_amount)),
  law_sum_optional_int: measured('', sum(profile.birth_year)),
  law_sum_windowed: measured(
    '',
    sum(order.total_amount)
      .where(not(isTrue(order.cancelled)))
      .over(30, order.order_date),
  ),
  law_sum_day: measured('', sum(refund.amount).over(1, refund.refunded_at)),
  law_count_filtered_twice: measured('', count(supportTickets).where(not(isNull(ticket.resolved_date)))),
  law_count_day: measured('', count(marketingEvents).over(1, marketing.event_date)),
  law_count_profiles: measured('', count(profiles).where(oneOf(profile.segment, "o'clock", 'gold'))),
  law_count_by_filtered: measured('', countByValue(ticket.category).where(isNull(ticket.resolved_date))),
  law_count_by_optional: measured('', countByValue(profile.segment)),
  law_min_money: measured('', min(order.total_amount).where(not(isTrue(order.cancelled)))),
  law_max_money: measured('', max(refund.amount)),
  law_min_optional_int: measured('', min(profile.birth_year)),
  law_max_optional_int: measured('', max(profile.birth_year)),
  law_min_nullable_time: measured('', min(ticket.resolved_date)),
  law_max_nullable_time: measured('', max(ticket.resolved_date)),
  law_distinct_of_keyed: measured('', distinct(ticket.category).where(isNull(ticket.resolved_date))),
  law_distinct_optional: measured('', distinct(profile.country)),
  law_latest_of_keyed: measured('', latest(ticket.category)),
  law_latest_of_keyed_filtered: measured('', latest(ticket.priority).where(isNull(ticket.resolved_date))),
  law_latest_unretracted: measured('', latest(marketing.campaign_id).where(oneOf(marketing.engagement, 'email_click'))),
  law_latest_int: measured('', latest(profile.birth_year).where(not(oneOf(profile.segment, 'gold')))),
});

/** What the laws are asked of: everything shipped and every aggregate. A metric declared anew is in here by itself. */
export const LAW_DEFINITION = define('USD', { metrics: [...CUSTOMER_METRICS, ...AGGREGATE_METRICS], sources: SOURCES });

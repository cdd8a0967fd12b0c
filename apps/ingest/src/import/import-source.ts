/**
 * How a mapped value is read: money is rounded to the minor unit, times become UTC, the rest stays as it is. `id` is text
 * that names something, so that one is as good as another; `text` and `int` are what may decide what becomes of a row.
 */
export type FieldKind = 'id' | 'text' | 'money' | 'time' | 'int';

export type SourceField = { readonly name: string; readonly kind: FieldKind; readonly required: boolean };

/** The values of one mapped row: amounts rounded, times in UTC; a missing value is absent. */
export type MappedRow = Readonly<Record<string, string>>;

/** An event on its way, as contracts will parse it; `undefined` is left out of the JSON. */
export type WireEvent = Readonly<Record<string, string | number | undefined>>;

/** What rows of a file can become. */
export type ImportSource = {
  readonly name: string;
  /** The field that names a row within its customer; null: every line is a row of its own. */
  readonly key: string | null;
  readonly fields: readonly SourceField[];
  /** The events of one row, in order. `id` is the row's event id. */
  events(row: MappedRow, id: string): readonly WireEvent[];
};

const id = (name: string): SourceField => ({ name, kind: 'id', required: true });
const text = (name: string): SourceField => ({ name, kind: 'text', required: true });
const money = (name: string): SourceField => ({ name, kind: 'money', required: true });
const time = (name: string): SourceField => ({ name, kind: 'time', required: true });
const int = (name: string): SourceField => ({ name, kind: 'int', required: true });
const optional = (field: SourceField): SourceField => ({ ...field, required: false });

const identity: readonly SourceField[] = [id('customer_id'), optional(id('event_id'))];

const orders: ImportSource = {
  name: 'orders',
  key: 'order_id',
  fields: [
    ...identity,
    id('order_id'),
    money('total_amount'),
    time('order_date'),
    optional(time('occurred_at')),
    optional(text('status')),
    optional(text('currency')),
  ],
  events: ({ customer_id, order_id, total_amount, order_date, occurred_at, status, currency }, id) => [
    {
      event_id: id,
      event_type: 'order_placed',
      customer_id,
      occurred_at: occurred_at ?? order_date,
      order_id,
      order_date,
      total_amount,
      status,
      currency,
    },
  ],
};

const refunds: ImportSource = {
  name: 'refunds',
  key: 'refund_id',
  fields: [
    ...identity,
    id('refund_id'),
    id('order_id'),
    money('amount'),
    time('occurred_at'),
    optional(text('currency')),
  ],
  events: ({ customer_id, refund_id, order_id, amount, occurred_at, currency }, id) => [
    { event_id: id, event_type: 'refund_issued', customer_id, occurred_at, refund_id, order_id, amount, currency },
  ],
};

/** A ticket with a resolved date is two events: it was created, then resolved. */
const supportTickets: ImportSource = {
  name: 'support_tickets',
  key: 'ticket_id',
  fields: [
    ...identity,
    id('ticket_id'),
    text('category'),
    text('priority'),
    time('created_date'),
    optional(time('resolved_date')),
  ],
  events: ({ customer_id, ticket_id, category, priority, created_date, resolved_date }, id) => {
    const ticket = { customer_id, ticket_id, category, priority, created_date };
    const created = { event_id: id, event_type: 'support_ticket_created', occurred_at: created_date, ...ticket };
    if (resolved_date === undefined) return [created];
    const resolved = { event_type: 'support_ticket_resolved', occurred_at: resolved_date, ...ticket, resolved_date };
    return [created, { event_id: `${id}${RESOLVED_SUFFIX}`, ...resolved }];
  },
};

/** Makes the id of the second event of a row from that of the first. */
export const RESOLVED_SUFFIX = '.resolved';

const marketingEvents: ImportSource = {
  name: 'marketing_events',
  key: null,
  fields: [...identity, text('event_type'), id('campaign_id'), time('event_date'), optional(time('occurred_at'))],
  events: ({ customer_id, event_type, campaign_id, event_date, occurred_at }, id) => [
    { event_id: id, event_type, customer_id, occurred_at: occurred_at ?? event_date, campaign_id, event_date },
  ],
};

/** An empty value is an absent property: it keeps what is known. */
const profiles: ImportSource = {
  name: 'profiles',
  key: null,
  fields: [
    ...identity,
    time('occurred_at'),
    optional(text('segment')),
    optional(text('country')),
    optional(int('birth_year')),
  ],
  events: ({ customer_id, occurred_at, segment, country, birth_year }, id) => [
    {
      event_id: id,
      event_type: 'customer_profile_updated',
      customer_id,
      occurred_at,
      segment,
      country,
      birth_year: birth_year !== undefined && /^-?\d{1,15}$/.test(birth_year) ? Number(birth_year) : birth_year,
    },
  ],
};

/** Sources whose rows are mapped, field by field. */
export const MAPPED_SOURCES: readonly ImportSource[] = [orders, refunds, supportTickets, marketingEvents, profiles];

/** The source of whole envelopes, which are taken as they are. */
export const EVENTS_SOURCE = 'events';

/** Every name that `--source` takes. */
export const SOURCE_NAMES: readonly string[] = [...MAPPED_SOURCES.map(({ name }) => name), EVENTS_SOURCE];

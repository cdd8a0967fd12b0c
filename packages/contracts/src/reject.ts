/** Why a record is no event. The codes are stable: dead letters, metrics and documentation speak of them. */
export type RejectCode =
  | 'oversized'
  | 'invalid_utf8'
  | 'too_deep'
  | 'money_needs_string'
  | 'invalid_json'
  | 'duplicate_key'
  | 'not_an_object'
  | 'unknown_event_type'
  | 'missing_field'
  | 'wrong_type'
  | 'invalid_identifier'
  | 'invalid_label'
  | 'invalid_time'
  | 'invalid_value'
  | 'invalid_money'
  | 'money_negative'
  | 'money_too_precise'
  | 'money_out_of_range'
  | 'wrong_currency';

/** What each code means, for people: the one table that documentation is made from. In the order of the checks. */
export const REJECT_CODES: Readonly<Record<RejectCode, { readonly summary: string }>> = {
  oversized: { summary: 'The record is larger than 1 MiB.' },
  invalid_utf8: { summary: 'The bytes are not UTF-8, or start with a byte order mark.' },
  too_deep: { summary: 'Objects and arrays are nested more than 32 levels deep.' },
  money_needs_string: {
    summary: 'A money field is a JSON number that a double cannot hold exactly: send money as a decimal string.',
  },
  invalid_json: { summary: 'The text is not JSON.' },
  duplicate_key: { summary: 'An object names the same key twice, so that its value depends on the reader.' },
  not_an_object: { summary: 'The JSON value is not an object.' },
  unknown_event_type: { summary: 'The event_type is none of those Tidemark knows.' },
  missing_field: { summary: 'A required field is absent.' },
  wrong_type: { summary: 'A field has another JSON type than its contract says.' },
  invalid_identifier: {
    summary: 'An identifier is empty, longer than 256 bytes, not well-formed Unicode or has control characters.',
  },
  invalid_label: {
    summary: 'A label is empty, longer than 256 bytes, not well-formed Unicode or has control characters.',
  },
  invalid_time: {
    summary: 'A time is not RFC 3339 with an offset, names an impossible date, or lies outside the years 1970-2999.',
  },
  invalid_value: { summary: 'A field has the right type but a value its contract does not allow.' },
  invalid_money: { summary: 'An amount is neither a plain decimal string nor a number.' },
  money_negative: { summary: 'An amount is below zero.' },
  money_too_precise: { summary: 'An amount has more digits after the point than the currency has.' },
  money_out_of_range: { summary: 'An amount in minor units does not fit a signed 64-bit integer.' },
  wrong_currency: { summary: 'The currency is another one than the deployment counts in; it is never added up.' },
};

export function isRejectCode(value: unknown): value is RejectCode {
  return typeof value === 'string' && Object.hasOwn(REJECT_CODES, value);
}

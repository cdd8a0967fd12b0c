export { minorDigits } from './currency.ts';
export { TidemarkError } from './error.ts';
export type { CampaignView, EmailClick, EmailOpen } from './event/marketing.ts';
export {
  isCancelled,
  type OrderBody,
  type OrderCancelled,
  type OrderChanged,
  type OrderPlaced,
} from './event/order.ts';
export type { CustomerProfileUpdated } from './event/profile.ts';
export type { RefundIssued } from './event/refund.ts';
export type { Priority, SupportTicketCreated, SupportTicketResolved } from './event/support-ticket.ts';
export { type EventType, eventSchemas, type TidemarkEvent, type WireEventType } from './event.ts';
export { compareUtf8, isIdentifier, MAX_IDENTIFIER_BYTES } from './identifier.ts';
export { type JsonResult, parseJson } from './json.ts';
export { divideRoundHalfAway, formatMoney, type MoneyResult, parseMoney } from './money.ts';
export { MAX_RECORD_BYTES, type ParseResult, parse, type Rejected } from './parse.ts';
export { REJECT_CODES, type RejectCode } from './reject.ts';
export { formatTime, parseTime } from './time.ts';
export { CONTRACT_VERSION } from './version.ts';

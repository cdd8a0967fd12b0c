import type { z } from 'zod';
import { eventSchemas, type TidemarkEvent } from './event.ts';
import { isJsonObject, type JsonObject, parseJson } from './json.ts';
import { isRejectCode, type RejectCode } from './reject.ts';
import { type KnownFields, knownFields, unknownFields } from './unknown-field.ts';

export type ParseResult =
  | { readonly ok: true; readonly event: TidemarkEvent; readonly unknownFields: readonly string[] }
  | Rejected;

export type Rejected = { readonly ok: false; readonly code: RejectCode; readonly reason: string };

/** Largest record, in bytes. */
export const MAX_RECORD_BYTES = 1_048_576;

type Contract = { readonly schema: z.ZodType<TidemarkEvent>; readonly known: KnownFields };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BYTE_ORDER_MARK = 0xfeff;

/** Contracts are built once for each currency: they depend on nothing else. */
const contractsByCurrency = new Map<string, ReadonlyMap<unknown, Contract>>();

/**
 * Decides whether `bytes` are an event, and which: the one gate in front of every layer. A pure function of the bytes
 * and the deployment's currency; it never throws for any bytes. Fields that no contract knows are kept out of the
 * event and named. A reason quotes no payload but field names.
 *
 * Throws `TIDEMARK_CURRENCY_UNKNOWN` for a currency that `minorDigits` refuses: that is the caller's mistake.
 */
export function parse(bytes: Uint8Array, options: { readonly currency: string }): ParseResult {
  const contracts = contractsFor(options.currency);
  if (bytes.length > MAX_RECORD_BYTES)
    return reject('oversized', `has ${bytes.length} bytes, at most 1 MiB is allowed`);
  const text = decode(bytes);
  if (text === null) return reject('invalid_utf8', 'is not UTF-8 without a byte order mark');
  const json = parseJson(text);
  if (!json.ok) return json;
  const wire = json.value;
  if (!isJsonObject(wire)) return reject('not_an_object', 'is not an object');

  const type: unknown = own(wire, 'event_type');
  const contract = contracts.get(type);
  if (contract === undefined) return rejectType(type);
  const result = contract.schema.safeParse(wire);
  if (!result.success) return rejectIssue(result.error.issues, wire);
  return { ok: true, event: result.data, unknownFields: unknownFields(wire, contract.known) };
}

function contractsFor(currency: string): ReadonlyMap<unknown, Contract> {
  const cached = contractsByCurrency.get(currency);
  if (cached !== undefined) return cached;
  const contracts = new Map<unknown, Contract>();
  for (const [type, schema] of Object.entries(eventSchemas(currency))) {
    contracts.set(type, { schema, known: knownFields(schema) ?? new Map() });
  }
  contractsByCurrency.set(currency, contracts);
  return contracts;
}

function decode(bytes: Uint8Array): string | null {
  try {
    const text = utf8.decode(bytes);
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? null : text;
  } catch {
    return null;
  }
}

function reject(code: RejectCode, reason: string): Rejected {
  return { ok: false, code, reason };
}

function rejectType(type: unknown): Rejected {
  if (type === undefined) return reject('missing_field', 'event_type: is required');
  if (typeof type !== 'string') return reject('wrong_type', 'event_type: must be a string');
  return reject('unknown_event_type', 'event_type: names no event that Tidemark knows');
}

/** The first issue decides: zod reports them in the order in which a contract lists its fields. */
function rejectIssue(issues: readonly z.core.$ZodIssue[], wire: JsonObject): Rejected {
  const [issue] = issues;
  if (issue === undefined) return reject('invalid_value', 'does not meet its contract');
  const path = issue.path.join('.');
  if (issue.code === 'custom' && isRejectCode(issue.params?.code)) {
    return reject(issue.params.code, `${path}: ${issue.message}`);
  }
  const value = at(wire, issue.path);
  if (value === undefined) return reject('missing_field', `${path}: is required`);
  const code = isWrongType(issue, value) ? 'wrong_type' : 'invalid_value';
  return reject(code, `${path}: ${issue.message}`);
}

function isWrongType(issue: z.core.$ZodIssue, value: unknown): boolean {
  // A choice of strings (an enum, a literal) and an integer are types to zod; here they are values of a JSON type.
  if (issue.code === 'invalid_value') return typeof value !== 'string';
  if (issue.code === 'invalid_type' && issue.expected === 'int') return typeof value !== 'number';
  return issue.code === 'invalid_type' || issue.code === 'invalid_union';
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(own, value);
}

/** A property that the value itself has: `constructor` and the like are no fields of an object that lacks them. */
function own(value: unknown, name: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

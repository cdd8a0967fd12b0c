import { z } from 'zod';
import { isJsonObject, type JsonObject } from './json.ts';

/** The field names that a schema knows, with those of the objects inside it. */
export type KnownFields = ReadonlyMap<string, KnownFields | null>;

/** Most names that one event may report, and their longest length: names are counted, and must not flood what counts. */
export const MAX_UNKNOWN_FIELDS = 32;
const MAX_NAME_LENGTH = 64;

/** The fields of an object schema, transformed or not; null for any other. */
export function knownFields(schema: z.core.$ZodType): KnownFields | null {
  const wire = schema instanceof z.ZodPipe ? schema.in : schema;
  if (!(wire instanceof z.ZodObject)) return null;
  return new Map(Object.entries(wire.shape).map(([name, field]) => [name, knownFields(field)]));
}

const NONE: readonly string[] = [];

/**
 * Names of the fields in `value` that no contract speaks of, in the order they were sent, dotted where they are nested
 * (`before.note`). At most 32 names of at most 64 characters, escaped as in JSON so that each is printable text.
 */
export function unknownFields(value: JsonObject, known: KnownFields): readonly string[] {
  const names: string[] = [];
  collect(value, known, '', names);
  return names.length === 0 ? NONE : names;
}

function collect(value: JsonObject, known: KnownFields, prefix: string, names: string[]): void {
  for (const name of Object.keys(value)) {
    if (names.length === MAX_UNKNOWN_FIELDS) return;
    const inner = known.get(name);
    if (inner === null) continue;
    const field = value[name];
    if (inner === undefined) names.push(prefix + printable(name));
    else if (isJsonObject(field)) collect(field, inner, `${name}.`, names);
  }
}

function printable(name: string): string {
  return JSON.stringify(name.slice(0, MAX_NAME_LENGTH)).slice(1, -1);
}

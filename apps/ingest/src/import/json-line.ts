export type JsonValues =
  | { readonly ok: true; readonly values: readonly (string | null)[] }
  | { readonly ok: false; readonly code: 'invalid_json' | 'not_an_object'; readonly reason: string };

/** So many digits in a row a double may not hold. */
const LONG_NUMBER = /\d[\d.]{15}/;
/** An escaped surrogate without its other half. */
const HALF_CHARACTER = /\p{Surrogate}/u;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The wanted properties of the object on a line of NDJSON, as text: strings as they are, numbers exactly as written where
 * a double would change them, all else as JSON. An absent property and null are null. `onName` hears every name.
 */
export function jsonValues(text: string, wanted: readonly string[], onName: (name: string) => void): JsonValues {
  let value: unknown;
  try {
    value = JSON.parse(text);
    // The text is JSON, so that every number token in it may be made a string.
    if (LONG_NUMBER.test(text))
      value = JSON.parse(text.replace(STRING_OR_NUMBER, (token) => (token[0] === '"' ? token : `"${token}"`)));
  } catch {
    return { ok: false, code: 'invalid_json', reason: 'it is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, code: 'not_an_object', reason: 'it is not an object' };
  }
  const properties = new Map<string, unknown>(Object.entries(value));
  for (const name of properties.keys()) onName(name);
  const values = wanted.map((name) => asText(properties.get(name)));
  if (values.some((each) => each !== null && HALF_CHARACTER.test(each))) {
    return { ok: false, code: 'invalid_json', reason: 'it has half of a character, which no store can keep' };
  }
  return { ok: true, values };
}

function asText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

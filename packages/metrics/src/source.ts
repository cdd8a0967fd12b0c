/** A field's type decides how it is held in a row, stored in the lake and written in SQL. */
export type FieldType = 'money' | 'time' | 'text' | 'int' | 'bool';

/** money: bigint minor units · time: UTC ms · text: string · int: number · bool: boolean. Absent: `undefined`. */
export type FieldValue = bigint | number | string | boolean | null | undefined;

export type Field = {
  readonly name: string;
  readonly type: FieldType;
  /** May be null: the fact is known and empty. */
  readonly nullable: boolean;
  /** May be absent: the row says nothing about it (a profile update of other attributes). */
  readonly optional: boolean;
};

/** One row of a source. `undefined` only in optional fields. */
export type Row = Readonly<Record<string, FieldValue>>;

/**
 * A source is a collection of rows that events place, change and take back. A keyed source has one row per
 * (customer, key) once it is consolidated; without a key every event is a row of its own.
 */
export type Source = {
  readonly name: string;
  readonly keyed: boolean;
  readonly fields: readonly Field[];
};

type FieldSpec = FieldType | `${FieldType}?` | `${FieldType}~`;

/** Declares a source. A field is its type; `?` may be null, `~` may be absent as well as null. */
export function source<const F extends Record<string, FieldSpec>>(
  name: string,
  options: { readonly keyed: boolean; readonly fields: F },
): Source & { readonly field: { readonly [N in keyof F]: FieldRef } } {
  const fields: Field[] = Object.entries(options.fields).map(([fieldName, spec]) => ({
    name: fieldName,
    type: FIELD_TYPES[spec.replace(/[?~]$/, '')] ?? unknownType(spec),
    nullable: /[?~]$/.test(spec),
    optional: spec.endsWith('~'),
  }));
  const declared: Source = { name, keyed: options.keyed, fields };
  const refs = Object.fromEntries(fields.map((field) => [field.name, { source: declared, field }]));
  return { ...declared, field: refs as { readonly [N in keyof F]: FieldRef } };
}

/** A field of a source, as measures name it. */
export type FieldRef = { readonly source: Source; readonly field: Field };

const FIELD_TYPES: Readonly<Record<string, FieldType>> = {
  money: 'money',
  time: 'time',
  text: 'text',
  int: 'int',
  bool: 'bool',
};

function unknownType(spec: string): never {
  throw new TypeError(`unknown field type ${spec}`);
}

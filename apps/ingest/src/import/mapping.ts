import { z } from 'zod';
import { IngestError } from '../error.ts';
import { EVENTS_SOURCE, type FieldKind, type ImportSource, MAPPED_SOURCES, SOURCE_NAMES } from './import-source.ts';

/** A field of the source and the expression it is made by. */
export type MappedField = { readonly name: string; readonly kind: FieldKind; readonly expression: string };

/** How the lines of a file become rows of a source; null as source: whole envelopes. */
export type Mapping = {
  readonly source: ImportSource | null;
  /** In the source's order. For envelopes: none, or `event`, the column that holds them. */
  readonly fields: readonly MappedField[];
  readonly groupBy: string | null;
  /** IANA name: the zone of times that name none. */
  readonly timezone: string;
  /** strptime format of dates that are not ISO; null: found from the column. */
  readonly dateFormat: string | null;
};

/** The same as JSON, in a file. Flags win over it. */
const mappingFile = z.strictObject({
  source: z.string().exactOptional(),
  map: z.record(z.string(), z.string()).exactOptional(),
  group_by: z.string().exactOptional(),
  timezone: z.string().exactOptional(),
  date_format: z.string().exactOptional(),
});
export type MappingFile = z.infer<typeof mappingFile>;

export function parseMappingFile(json: string, name: string): MappingFile {
  try {
    return mappingFile.parse(JSON.parse(json));
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is not JSON';
    throw new IngestError(
      'TIDEMARK_INGEST_MAPPING',
      `The mapping file ${name} can't be used: ${what}\nIt is an object of source, map, group_by, timezone and date_format.`,
      { cause },
    );
  }
}

/** `field=EXPR`, split at the first `=`. */
export function parseMapFlag(flag: string): readonly [string, string] {
  const at = flag.indexOf('=');
  const [field, expression] = [flag.slice(0, at).trim(), flag.slice(at + 1).trim()];
  if (at > 0 && field !== '' && expression !== '') return [field, expression];
  throw new IngestError('TIDEMARK_INGEST_MAPPING', `--map ${flag}: write it as field=EXPRESSION.`);
}

/** Checks a mapping against its source. Throws `TIDEMARK_INGEST_MAPPING` with everything that is wrong. */
export function createMapping(given: MappingFile): Mapping {
  const expressions = new Map(Object.entries(given.map ?? {}));
  const base = { timezone: given.timezone ?? 'UTC', dateFormat: given.date_format ?? null };
  if (given.source === EVENTS_SOURCE) return eventsMapping(expressions, given, base);
  const source = MAPPED_SOURCES.find(({ name }) => name === given.source);
  if (!source)
    throw mappingError([`--source must be one of ${SOURCE_NAMES.join(', ')}, and is ${given.source ?? 'not given'}.`]);

  const known = source.fields.map(({ name }) => name);
  const problems = [...expressions.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => `${source.name} has no field ${name}: it has ${known.join(', ')}.`);
  const missing = source.fields.filter(({ name, required }) => required && !expressions.has(name));
  for (const { name } of missing) problems.push(`${source.name} needs --map ${name}=…`);
  const groupBy = given.group_by ?? null;
  if (groupBy !== null && !expressions.has(groupBy))
    problems.push(`--group-by ${groupBy} names a field that is not mapped.`);
  if (groupBy !== null && source.key === null) problems.push(`${source.name} has no key to group by.`);
  if (problems.length > 0) throw mappingError(problems);
  const fields = source.fields.flatMap(({ name, kind }) => {
    const expression = expressions.get(name);
    return expression === undefined ? [] : [{ name, kind, expression }];
  });
  return { source, fields, groupBy, ...base };
}

function eventsMapping(
  expressions: ReadonlyMap<string, string>,
  given: MappingFile,
  base: { readonly timezone: string; readonly dateFormat: string | null },
): Mapping {
  const problems = [...expressions.keys()]
    .filter((name) => name !== 'event')
    .map((name) => `events has no field ${name}: it has event, the column of whole envelopes.`);
  if (given.group_by !== undefined) problems.push('events are taken as they are: there is nothing to group.');
  if (problems.length > 0) throw mappingError(problems);
  const expression = expressions.get('event');
  return {
    source: null,
    fields: expression === undefined ? [] : [{ name: 'event', kind: 'text', expression }],
    groupBy: null,
    ...base,
  };
}

const mappingError = (problems: readonly string[]): IngestError =>
  new IngestError(
    'TIDEMARK_INGEST_MAPPING',
    `The mapping can't be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
  );

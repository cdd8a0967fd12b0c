import { join, resolve } from 'node:path';
import { minorDigits } from '@tidemark/contracts';
import type { Session } from '@tidemark/duckdb';
import type { Definition } from '@tidemark/metrics';
import { checkTimezone } from './date-column.ts';
import { stageEvents, type Writers } from './event-stage.ts';
import { checkExpression, type Expression } from './expression.ts';
import type { ImportSummary, SampleRow } from './import-summary.ts';
import { type InputFile, readInput, unpack } from './input-file.ts';
import { INPUT, UnknownColumn, unknownColumnError } from './input-table.ts';
import { mapLines } from './mapped-lines.ts';
import { makeRows } from './mapped-rows.ts';
import type { Mapping } from './mapping.ts';
import { restrict } from './mapping-session.ts';
import { plainRowsFile, stagePlainRows } from './plain-rows.ts';
import { QuarantineCounts, quarantineRows } from './quarantine-rows.ts';
import { RowReader } from './row-reader.ts';

/** Told how far a step is, of how much. */
export type OnProgress = (step: 'read' | 'map' | 'events' | 'file', done: number, total: number) => void;

export type Staged = Pick<ImportSummary, 'sha256' | 'read' | 'rows' | 'quarantined'> & {
  /** The first rows, where they were asked for. */
  readonly sample: readonly SampleRow[];
};

export type StageContext = {
  /** The file is read and its mapping evaluated here, and nothing else: it is locked first. */
  readonly session: Session;
  readonly writers: Writers;
  readonly definition: Definition;
  /** For files in the making. */
  readonly folder: string;
  readonly sampleRows: number;
  readonly onProgress: OnProgress;
};

/** Everything that needs no lock: the events of the file are in the lake's writers afterwards, unseen. */
export async function stageFile(context: StageContext, given: InputFile, mapping: Mapping): Promise<Staged> {
  const { session, writers, onProgress, definition } = context;
  const file =
    given.format === 'parquet' && given.gzipped ? await unpack(given, join(context.folder, 'input.parquet')) : given;
  await restrict(session, [plainRowsFile(context.folder), resolve(file.path)]);
  await checkTimezone(session, mapping.timezone);
  const expressions: Expression[] = [];
  for (const { name, kind, expression } of mapping.fields) {
    expressions.push(await checkExpression(session, name, expression, kind === 'money' || kind === 'int'));
  }
  const wanted = [...new Set(expressions.flatMap(({ uses }) => uses.map(({ column }) => column)))];
  const quarantined = new QuarantineCounts();
  const sha256 = await readOrExplain(session, file, {
    session,
    wanted,
    onRejected: (line) => {
      writers.quarantine.append(line);
      quarantined.add(line.code, 1, 1);
    },
    onProgress: (bytes) => onProgress('read', bytes, file.bytes),
  });
  const malformed = quarantined.total;

  onProgress('map', 0, 1);
  if (mapping.fields.length > 0) {
    const digits = minorDigits(definition.currency);
    const exact = await mapLines(session, mapping, expressions, wanted, digits);
    await makeRows(session, mapping, digits, exact);
  }
  onProgress('map', 1, 1);
  const reader = new RowReader(mapping, definition.currency, sha256);
  const rows = await count(session, reader.relation);
  const plain = await stagePlainRows(session, mapping, definition, { sha256, folder: context.folder }, writers);
  let done = plain.rows;
  onProgress('events', done, rows);
  await stageEvents(session, reader, `NOT coalesce(${plain.condition}, false)`, writers, () => {
    if (++done % PROGRESS_ROWS === 0) onProgress('events', done, rows);
  });
  await quarantineRows(session, mapping, writers, quarantined);
  return {
    sha256,
    read: (await count(session, INPUT)) + malformed,
    rows: rows + malformed,
    quarantined: quarantined.byCode,
    sample: await sampleOf(session, reader, context.sampleRows),
  };
}

const PROGRESS_ROWS = 10_000;

async function readOrExplain(session: Session, ...args: Parameters<typeof readInput>): Promise<string> {
  try {
    return await readInput(...args);
  } catch (error) {
    throw error instanceof UnknownColumn ? await unknownColumnError(session, error) : error;
  }
}

async function count(session: Session, relation: string): Promise<number> {
  const [[rows] = []] = (await session.connection.runAndReadAll(`SELECT count(*) FROM ${relation}`)).getRows();
  return Number(rows);
}

async function sampleOf(session: Session, reader: RowReader, rows: number): Promise<readonly SampleRow[]> {
  if (rows === 0) return [];
  const sql = `SELECT first_line, rejected[1], rejected[2], ${reader.columns.join(', ')} FROM ${reader.relation} ORDER BY first_line LIMIT ${rows}`;
  return (await session.connection.runAndReadAll(sql)).getRows().map(([first, code, reason, ...values]): SampleRow => {
    const line = Number(first);
    if (typeof code === 'string') return { line, code, reason: String(reason) };
    const { events, rejected } = reader.read(line, values);
    if (rejected) return { line, code: rejected.code, reason: rejected.reason };
    return { line, events: events.map(({ value }): unknown => JSON.parse(Buffer.from(value).toString())) };
  });
}

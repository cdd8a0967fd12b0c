import { expect, test } from 'vitest';
import { readAppLine } from './log-line.ts';

test.each([
  ['{"level":"info","msg":"ready"}', { kind: 'log' }],
  [
    '{"level":"fatal","msg":"failed","err":{"message":"Another batch run","code":"TIDEMARK_BATCH_BUSY"}}',
    { kind: 'error', error: { level: 'fatal', message: 'Another batch run', code: 'TIDEMARK_BATCH_BUSY' } },
  ],
  [
    '{"level":"error","msg":"not closed"}',
    { kind: 'error', error: { level: 'error', message: 'not closed', code: null } },
  ],
  [
    '{"progress":{"step":"land","detail":"begins","generation":3}}',
    { kind: 'progress', progress: { step: 'land', detail: 'begins' } },
  ],
  [
    'TIDEMARK_INGEST_FILE: no such file',
    { kind: 'error', error: { level: 'fatal', message: 'no such file', code: 'TIDEMARK_INGEST_FILE' } },
  ],
  ['Error: something', { kind: 'text', text: 'Error: something' }],
  ['[1]', { kind: 'log' }],
])('%s', (line, read) => {
  expect(readAppLine(line)).toEqual(read);
});

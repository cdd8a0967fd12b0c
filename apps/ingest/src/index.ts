export { IngestError, type IngestErrorCode } from './error.ts';
export { type Filed, type Filing, fileStaged, type StagedFile } from './import/file-staged.ts';
export { type ImportContext, importFile } from './import/import-file.ts';
export { EVENTS_SOURCE, SOURCE_NAMES } from './import/import-source.ts';
export type { ImportSummary, SampleRow } from './import/import-summary.ts';
export { FILE_FORMATS, type FileFormat, type InputFile, inspectFile } from './import/input-file.ts';
export { createMapping, type Mapping, type MappingFile, parseMapFlag, parseMappingFile } from './import/mapping.ts';
export { QUARANTINE_CODES, type QuarantineCode } from './import/quarantine-code.ts';

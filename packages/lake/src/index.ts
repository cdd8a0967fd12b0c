export { LakeError, type LakeErrorCode } from './error.ts';
export { Lake, type LakeCut, type RowFiles } from './lake.ts';
export type { ExpandedRows, LakeFile, LandedHead, LandedImport, LandedRange } from './manifest.ts';
export type { ParquetColumn, ParquetValue } from './parquet-writer.ts';
export type { LakeStorage } from './port.ts';
export type { QuarantinedLine, QuarantineWriter } from './quarantine-file.ts';
export { EVENT_FILE_COLUMNS, eventFileValues, type LandingRecord, type Place, type RawRecord } from './raw-record.ts';
export type { EventWriter, RowWriter, UnitFiles } from './unit-files.ts';
export { rowFileColumns, rowFileValues } from './unit-writer.ts';

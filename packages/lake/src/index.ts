export { LakeError, type LakeErrorCode } from './error.ts';
export { Lake, type LakeCut, type RowFiles } from './lake.ts';
export type { ExpandedRows, LakeFile, LandedHead, LandedImport, LandedRange } from './manifest.ts';
export type { LakeStorage } from './port.ts';
export type { QuarantinedLine, QuarantineWriter } from './quarantine-file.ts';
export type { LandingRecord, Place, RawRecord } from './raw-record.ts';
export type { EventWriter, RowWriter, UnitFiles } from './unit-files.ts';
export { rowFileColumns } from './unit-writer.ts';

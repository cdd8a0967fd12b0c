export { byRank } from './by-rank.ts';
export { ViewsError, type ViewsErrorCode } from './error.ts';
export { inSlice, newest, pinned, sliceAfter } from './lineage.ts';
export {
  moveTo,
  type Publication,
  type PublishedGeneration,
  pause,
  publishNext,
  raiseFloor,
  resume,
} from './live-pointer.ts';
export type {
  BatchRow,
  Candidate,
  CustomerRows,
  Cut,
  DeadLetter,
  DeltaKey,
  DeltaRow,
  DeltaSlice,
  Lineage,
  LivePointer,
  Position,
  ScanPage,
  Serving,
  StoredState,
  ViewStore,
  Views,
} from './port.ts';
export { closeWayBack, forget, hasWayBack, switchBack, switchTo } from './serving-row.ts';

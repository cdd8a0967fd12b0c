export { SpeedError, type SpeedErrorCode } from './error.ts';
export { type FillFrom, fillFrom } from './fill-start.ts';
export { type FoldStore, retrying } from './fold-store.ts';
export { PartitionFold } from './partition-fold.ts';
export { SpeedLayer, type SpeedLayerOptions } from './speed-layer.ts';
export { logStart, startOffset } from './start-position.ts';

export { SpeedError, type SpeedErrorCode } from './error.ts';
export { PartitionFold } from './partition-fold.ts';
export { SpeedLayer, type SpeedLayerOptions } from './speed-layer.ts';

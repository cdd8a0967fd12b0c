/** The consumer group in which the speed layers of a definition share the partitions. */
export const speedLayerGroup = (definitionId: string): string => `tidemark-speed-${definitionId}`;

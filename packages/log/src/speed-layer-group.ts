/** The consumer group whose members, the speed layers of a definition, share the log's partitions. */
export const speedLayerGroup = (definitionId: string): string => `tidemark-speed-${definitionId}`;

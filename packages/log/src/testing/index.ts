export { type Declared, type LogCapabilities, type LogUnderTest, PARTITIONS } from './capabilities.ts';
export { cuttableProxy } from './cuttable-proxy.ts';
export { logConformance } from './log-conformance.ts';
export { MemoryTopic, openMemoryLog } from './memory-log.ts';

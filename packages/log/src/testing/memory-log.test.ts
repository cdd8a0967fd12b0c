import { PARTITIONS } from './capabilities.ts';
import { logConformance } from './log-conformance.ts';
import { MemoryTopic, openMemoryLog } from './memory-log.ts';

logConformance(
  'memory',
  async () => {
    const topic = new MemoryTopic(PARTITIONS);
    return {
      open: async () => openMemoryLog(topic),
      openMortal: async () => {
        const log = openMemoryLog(topic);
        return { log, die: async () => log.die() };
      },
      remove: async () => undefined,
    };
  },
  { gaplessOffsets: { has: true }, within: { wakeMs: 1_000, takeoverMs: 1_000, handoverMs: 1_000, growMs: 1_000 } },
);

import { setTimeout as pause } from 'node:timers/promises';
import type { PartitionHandler } from './port.ts';
import type { Reader } from './reader.ts';

const RETRY_MS = 100;

/**
 * In an outage it answers nothing, a little later, and tells the handler: whoever reads looks at its lease, which alone decides,
 * and reads again.
 */
export const patient = (
  reader: Reader,
  isOutage: (error: unknown) => boolean,
  handler: Pick<PartitionHandler, 'unreadable'>,
): Reader => ({
  read: async (partition, from, options) => {
    try {
      return await reader.read(partition, from, options);
    } catch (error) {
      if (!isOutage(error)) throw error;
      handler.unreadable?.(partition, error);
      await pause(RETRY_MS);
      return { records: [], next: from, level: false };
    }
  },
});

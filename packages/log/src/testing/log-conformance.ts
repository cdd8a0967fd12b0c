import { afterEach, beforeEach, describe } from 'vitest';
import type { EventLog } from '../port.ts';
import { appendPromises } from './append-promises.ts';
import type { LogCapabilities, LogUnderTest } from './capabilities.ts';
import { groupPromises } from './group-promises.ts';
import { readPromises } from './read-promises.ts';

/** Opens the log of the running test; what was opened is closed after it. */
export type Opened = {
  open(): Promise<EventLog>;
  openMortal(): Promise<{ readonly log: EventLog; die(): Promise<void> }>;
};

/**
 * The promises of the port, as tests that every adapter runs: `factory` makes a new, empty log with four partitions for
 * each. An adapter that can't keep one declares it in its capabilities, with the reason.
 */
export function logConformance(
  name: string,
  factory: () => Promise<LogUnderTest>,
  capabilities: LogCapabilities,
): void {
  describe(`${name} keeps the promises of the log`, () => {
    let underTest: LogUnderTest | undefined;
    const logs: EventLog[] = [];

    const current = (): LogUnderTest => {
      if (underTest === undefined) throw new Error('A log is opened inside tests only.');
      return underTest;
    };
    const opened: Opened = {
      open: async () => {
        const log = await current().open();
        logs.push(log);
        return log;
      },
      openMortal: async () => {
        const mortal = await current().openMortal();
        logs.push(mortal.log);
        return mortal;
      },
    };

    beforeEach(async () => {
      underTest = await factory();
    });
    afterEach(async () => {
      // None is closed again after the next test, whatever comes of it here.
      await Promise.all(logs.splice(0).map((log) => log.close()));
      await underTest?.remove();
    });

    describe('to those who append', () => appendPromises(opened, capabilities));
    describe('to those who read', () => readPromises(opened, capabilities));
    describe('to the members of a group', () => groupPromises(opened, capabilities));
  });
}

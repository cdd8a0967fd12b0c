import type { Moment } from '@tidemark/runtime';
import type { Code } from './deployed-system.ts';

/** What makes a process be killed, or stopped, at a moment: the `nth` time that it comes. */
export const failpoint = (moment: Moment, signal: 'SIGKILL' | 'SIGSTOP' = 'SIGKILL', nth = 1): Code => ({
  NODE_OPTIONS: `--import=${new URL('../../failpoint.mjs', import.meta.url).href}`,
  TIDEMARK_TEST_FAILPOINT: `${moment}#${nth}`,
  TIDEMARK_TEST_FAILPOINT_SIGNAL: signal,
});

/** What a process says when it is killed or stopped at a moment. */
export const failpointSaid = (moment: Moment): string => `failpoint ${moment}\n`;

import type { Moment } from '@tidemark/runtime';
import type { Code } from './deployed-system.ts';

const PRELOAD = `--import=${new URL('../../failpoint.mjs', import.meta.url).href}`;

export type FailpointOptions = {
  /** A process that is stopped goes on when it is told to. */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
  /** Which time that the moment comes: the first, unless told otherwise. */
  readonly nth?: number;
  /** The code that it befalls, when it is another than was built. */
  readonly code?: Code;
};

/** What makes a process be killed, or stopped, at a moment. */
export const failpoint = (moment: Moment, { signal = 'SIGKILL', nth = 1, code = {} }: FailpointOptions = {}): Code => ({
  ...code,
  NODE_OPTIONS: [code.NODE_OPTIONS ?? '', PRELOAD].join(' ').trim(),
  TIDEMARK_TEST_FAILPOINT: `${moment}#${nth}`,
  TIDEMARK_TEST_FAILPOINT_SIGNAL: signal,
});

/** What a process says when it is killed or stopped at a moment. */
export const failpointSaid = (moment: Moment): string => `failpoint ${moment}\n`;

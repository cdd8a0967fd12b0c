import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';

/*
 * Imported before an app (NODE_OPTIONS=--import=…), it kills the app at the moment that TIDEMARK_TEST_FAILPOINT names, as a
 * power cut would, or stops it there when TIDEMARK_TEST_FAILPOINT_SIGNAL says SIGSTOP. `moment#3` is the third time that it comes.
 */
const [moment, nth = '1'] = (process.env.TIDEMARK_TEST_FAILPOINT ?? '').split('#');
const signal = process.env.TIDEMARK_TEST_FAILPOINT_SIGNAL ?? 'SIGKILL';
let times = 0;

subscribe('tidemark:moment', (reached) => {
  if (reached !== moment || ++times !== Number(nth)) return;
  writeSync(2, `failpoint ${moment}\n`);
  process.kill(process.pid, signal);
  // Nothing more may be done before the signal arrives.
  if (signal === 'SIGKILL') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});

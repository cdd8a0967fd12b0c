import { shared } from '../../vitest.shared.mjs';

/** The simulation alone, which needs no server: for whoever works on it, and for `npm run mutate`. */
export default shared({ include: ['src/simulation/**/*.test.ts'], testTimeout: 1_800_000 });

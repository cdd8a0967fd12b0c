import { shared } from '../../vitest.shared.mjs';

/** The simulation alone: it needs no server. */
export default shared({ include: ['src/simulation/**/*.test.ts'], testTimeout: 600_000 });

import { shared } from '../../vitest.shared.mjs';

// The system under test is what was built, as a person runs it.
export default shared({ testTimeout: 120_000, fileParallelism: false });

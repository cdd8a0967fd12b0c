import { shared } from '../../vitest.shared.mjs';

// The engine forks its own process from source: it inherits these.
export default shared({ execArgv: ['--import', 'tsx', '--conditions=tidemark-source'] });

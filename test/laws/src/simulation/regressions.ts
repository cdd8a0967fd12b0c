import type { Scenario } from './history.ts';

/** Histories that once broke the law, with what was wrong. They run before all others. */
export const REGRESSIONS: readonly (Scenario & { readonly was: string })[] = [];

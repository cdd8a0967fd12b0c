export { PROBLEMS, type Problem, type ProblemCode } from './problem.ts';
export { buildServer } from './server.ts';
export { DEFAULT_LIMITS, type ServedViews, type ServingContext, type ServingLimits } from './serving-context.ts';

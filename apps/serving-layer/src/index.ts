export { CustomerReader, type CustomersRead, type CustomerView, type Selection } from './customer-reader.ts';
export { openWholeView, type WholeView } from './export/whole-view.ts';
export { Pins } from './pins.ts';
export { PROBLEMS, type Problem, type ProblemCode } from './problem.ts';
export { ProgressReader } from './progress.ts';
export { buildServer } from './server.ts';
export { DEFAULT_LIMITS, type ServedViews, type ServingContext, type ServingLimits } from './serving-context.ts';

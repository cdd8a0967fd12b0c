export { openMemoryViews } from './memory-views.ts';
export type { ViewsCapabilities, ViewsFixture } from './suite.ts';
export { viewsConformance } from './views-conformance.ts';

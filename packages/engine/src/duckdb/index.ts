export { openDuckDbEngine } from './duckdb-engine.ts';

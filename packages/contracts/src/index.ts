export { TidemarkError } from './error.ts';

export { type Difference, type VerifyOptions, type VerifyReport, verify } from './verify.ts';

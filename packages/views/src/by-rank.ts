import { compareUtf8 } from '@tidemark/contracts';
import type { Candidate } from './port.ts';

/** The order of a ranking: the higher score first, ties by the UTF-8 bytes of the id. */
export function byRank(a: Candidate, b: Candidate): number {
  if (a.score !== b.score) return a.score < b.score ? 1 : -1;
  return compareUtf8(a.customerId, b.customerId);
}

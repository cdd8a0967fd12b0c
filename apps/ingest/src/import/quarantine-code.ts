import { REJECT_CODES, type RejectCode } from '@tidemark/contracts';

/** Why lines of an import become no event: what contracts say of the event, and what only files can have. */
export type QuarantineCode = RejectCode | keyof typeof IMPORT_CODES;

const IMPORT_CODES = {
  malformed_line: { summary: 'The line is not a record of the file: its quotes or its number of fields are wrong.' },
  expression_failed: {
    summary: 'An expression of the mapping failed on the line: a cast, or a number beyond 38 digits.',
  },
  lines_disagree: { summary: 'Lines of one row differ in something that is not summed: the row is quarantined whole.' },
};

/** What each code means, for people. */
export const QUARANTINE_CODES: Readonly<Record<QuarantineCode, { readonly summary: string }>> = {
  ...REJECT_CODES,
  ...IMPORT_CODES,
};

import { TidemarkError } from '@tidemark/contracts';

type Kind = { readonly status: number; readonly title: string };

/** Every problem the API answers with: stable codes, and what each means. The documentation is made from this table. */
export const PROBLEMS = {
  TIDEMARK_API_INVALID_REQUEST: { status: 400, title: 'A parameter or a field of the body is not as documented.' },
  TIDEMARK_API_INVALID_BODY: {
    status: 400,
    title: 'The body is not JSON in UTF-8, is nested too deep, or names a key twice.',
  },
  TIDEMARK_API_AS_OF_TOO_EARLY: {
    status: 400,
    title: "`as_of` lies more than 24 hours before the generation's barrier.",
  },
  TIDEMARK_API_UNKNOWN_SORT: { status: 400, title: 'Customers are not ranked by this metric.' },
  TIDEMARK_API_INVALID_CURSOR: { status: 400, title: 'The cursor is none of this API, or of another query.' },
  TIDEMARK_API_MALFORMED_REQUEST: { status: 400, title: 'What was sent is no HTTP request.' },
  TIDEMARK_API_UNKNOWN_CUSTOMER: { status: 404, title: 'There is neither a batch row nor a delta of this customer.' },
  TIDEMARK_API_UNKNOWN_GENERATION: { status: 404, title: 'This generation was never published.' },
  TIDEMARK_API_NO_DRIFT: { status: 404, title: 'The drift of this generation is not measured yet.' },
  TIDEMARK_API_NO_ROUTE: { status: 404, title: 'Nothing is served under this path.' },
  TIDEMARK_API_METHOD_NOT_ALLOWED: { status: 405, title: 'This path has no such method; `Allow` names those it has.' },
  TIDEMARK_API_NOT_ACCEPTABLE: { status: 406, title: 'None of the formats in `Accept` is offered.' },
  TIDEMARK_API_REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive in time.' },
  TIDEMARK_API_GENERATION_GONE: { status: 410, title: 'The generation is below the floor and no longer readable.' },
  TIDEMARK_API_BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the limit.' },
  TIDEMARK_API_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json.' },
  TIDEMARK_API_TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests from this address; wait for `Retry-After`.',
  },
  TIDEMARK_API_INTERNAL: { status: 500, title: 'A defect of the server. It is in its log.' },
  TIDEMARK_API_NOT_SERVED: { status: 503, title: 'Another definition is served; its servers are ready.' },
  TIDEMARK_API_UNAVAILABLE: { status: 503, title: 'A store does not answer right now; wait for `Retry-After`.' },
} as const satisfies Record<`TIDEMARK_API_${string}`, Kind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What is wrong with one part of a request: where it stands, and what was expected. */
export type RequestIssue = { readonly at: string; readonly message: string };

/** How long a client should wait before it asks again, in seconds, when a store is down. */
export const RETRY_AFTER_S = 1;

/** A problem as RFC 9457 writes it. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly errors?: readonly RequestIssue[];
};

/** An answer that is a problem. The message is for the client: it holds nothing internal. */
export class ApiProblem extends TidemarkError {
  declare readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly RequestIssue[];

  constructor(
    code: ProblemCode,
    detail: string,
    options: { readonly cause?: unknown; readonly errors?: readonly RequestIssue[] } = {},
  ) {
    super(code, detail, { cause: options.cause, retryable: code === 'TIDEMARK_API_UNAVAILABLE' });
    this.status = PROBLEMS[code].status;
    this.errors = options.errors ?? [];
  }

  toBody(): Problem {
    const { status, title } = PROBLEMS[this.code];
    const head = { type: `urn:tidemark:problem:${this.code}`, title, status, detail: this.message, code: this.code };
    return this.errors.length === 0 ? head : { ...head, errors: this.errors };
  }
}

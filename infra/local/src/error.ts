import { TidemarkError } from '@tidemark/contracts';

export type InfraErrorCode =
  /** Java, Maven or Python is missing, or of another version. */
  | 'TIDEMARK_INFRA_TOOLS'
  /** Maven did not bring a server's files, or pip not what a requirements file lists. */
  | 'TIDEMARK_INFRA_ARTEFACTS'
  /** A server did not answer in time, or ended; the message ends with the tail of its log. */
  | 'TIDEMARK_INFRA_START_FAILED'
  /** The folder holds servers of another number or kind than asked for, or another process's. */
  | 'TIDEMARK_INFRA_FOLDER'
  /** Something else listens on a port that was asked for. */
  | 'TIDEMARK_INFRA_PORT';

/** What goes wrong around the servers on this machine. */
export class InfraError extends TidemarkError {
  declare readonly code: InfraErrorCode;

  constructor(code: InfraErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}

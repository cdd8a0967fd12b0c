import { TidemarkError } from '@tidemark/contracts';

export type CliErrorCode =
  /** Another `tidemark up` runs on the data folder. */
  | 'TIDEMARK_HOME_IN_USE'
  /** The data folder was made by a version of Tidemark that this one can't follow. */
  | 'TIDEMARK_HOME_VERSION'
  /** The data folder's money is in another currency. */
  | 'TIDEMARK_HOME_CURRENCY'
  /** Demo data where other data was asked for, or the other way round. */
  | 'TIDEMARK_HOME_KIND'
  /** The data folder's stores are on other servers than asked for. */
  | 'TIDEMARK_HOME_SERVERS'
  /** The folder holds something that is not Tidemark's. */
  | 'TIDEMARK_HOME_FOREIGN'
  /** The data folder can't be made, read or written by this user. */
  | 'TIDEMARK_HOME_ACCESS'
  | 'TIDEMARK_DISK_FULL'
  | 'TIDEMARK_PORT_IN_USE'
  /** The address can't be listened on. */
  | 'TIDEMARK_HOST'
  /** A process of the system did not start, or kept ending. */
  | 'TIDEMARK_PROCESS_FAILED'
  /** The first generation could not be made. */
  | 'TIDEMARK_NO_GENERATION'
  /** No system runs where the command looked. */
  | 'TIDEMARK_NOT_RUNNING'
  /** Two systems run, and the command doesn't say which it means. */
  | 'TIDEMARK_WHICH_SYSTEM'
  /** The definition has no live generation, or its speed view is behind. */
  | 'TIDEMARK_DEFINITION_NOT_READY'
  /** Which definition is served was changed by someone else at the same time. */
  | 'TIDEMARK_DEFINITION_MOVED'
  /** The HTTP API did not answer, or not as one of Tidemark does. */
  | 'TIDEMARK_API_UNREACHABLE'
  /** The HTTP API answered with a problem. */
  | 'TIDEMARK_API_PROBLEM';

/** What the command line and the supervisor raise on purpose. */
export class CliError extends TidemarkError {
  declare readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}

/** What a person reads of any error: no stack, what to do where that is known. */
export function readable(error: unknown, folder?: string): string {
  if (error instanceof TidemarkError) return error.message;
  const known = fileSystemError(error, folder);
  if (known !== null) return known.message;
  return error instanceof Error ? error.message : String(error);
}

/** The system's own errors that a person can do something about; null for any other. */
export function fileSystemError(error: unknown, folder?: string): CliError | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : folder;
  const where = path === undefined ? '' : ` (${path})`;
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new CliError(
        'TIDEMARK_DISK_FULL',
        `The disk is full${where}. Free some space, or use another folder with --home.`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new CliError(
        'TIDEMARK_HOME_ACCESS',
        `This user may not write here${where}. Use a folder of your own with --home, or run as the user who made it.`,
        { cause: error },
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new CliError(
        'TIDEMARK_HOME_ACCESS',
        `There is a file where a folder is needed${where}. Use another folder with --home.`,
        { cause: error },
      );
    default:
      return null;
  }
}

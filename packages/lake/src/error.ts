import { TidemarkError } from '@tidemark/contracts';

export type LakeErrorCode =
  | 'TIDEMARK_LAKE_DAMAGED'
  | 'TIDEMARK_LAKE_MISSING'
  | 'TIDEMARK_LAKE_MANIFEST'
  | 'TIDEMARK_LAKE_RACE'
  | 'TIDEMARK_LAKE_FULL'
  | 'TIDEMARK_LAKE_STORAGE';

export class LakeError extends TidemarkError {
  constructor(code: LakeErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}

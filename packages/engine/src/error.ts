import { TidemarkError } from '@tidemark/contracts';

export type EngineErrorCode = 'TIDEMARK_ENGINE_FAILED' | 'TIDEMARK_ENGINE_GONE' | 'TIDEMARK_ENGINE_INCOMPLETE';

export class EngineError extends TidemarkError {
  constructor(code: EngineErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(code, message, options);
  }
}

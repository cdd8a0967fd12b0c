import { TidemarkError } from '@tidemark/contracts';

export type SpeedErrorCode = 'TIDEMARK_SPEED_OTHER_LOG' | 'TIDEMARK_SPEED_LOG_CHANGED' | 'TIDEMARK_SPEED_GAP';

export class SpeedError extends TidemarkError {
  constructor(code: SpeedErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}

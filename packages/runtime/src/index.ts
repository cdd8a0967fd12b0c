export { configureApp, VALIDATE_FLAG } from './app-options.ts';
export { type Clock, type ManualClock, manualClock, systemClock } from './clock.ts';
export { type App, type HostProcess, type LifecycleOptions, type ReadyMessage, runApp } from './lifecycle.ts';
export { createLogger, type Logger } from './logger.ts';
export { createMetricsRegistry, type Health, type MetricsServer, startMetricsServer } from './metrics-registry.ts';
export { MOMENTS, type Moment, reached } from './moment.ts';
export {
  applyOptions,
  ConfigurationError,
  type OptionHelp,
  type OptionKey,
  type Options,
  optionKeys,
  optionsHelp,
  readOptions,
  toEnv,
} from './options.ts';
export { type RetryOptions, retry } from './retry.ts';
export { redactSecrets } from './secret.ts';

import { SingleBar } from 'cli-progress';

export type StepBar = { at(step: string, detail: string): void; stop(): void };

/** A bar that moves from step to step, on a terminal; elsewhere nothing. Written to stderr. */
export function stepBar(steps: readonly string[]): StepBar {
  if (!process.stderr.isTTY) return { at: () => {}, stop: () => {} };
  const bar = new SingleBar({
    stream: process.stderr,
    format: '  {bar} {step} {detail} {duration} s',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
  });
  bar.start(steps.length, 0, { step: 'starting', detail: '' });
  return {
    at: (step, detail) => bar.update(Math.max(0, steps.indexOf(step)), { step, detail }),
    stop: () => bar.stop(),
  };
}

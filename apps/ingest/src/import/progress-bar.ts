import { type Bar, Presets, SingleBar } from 'cli-progress';
import type { OnProgress } from './stage-file.ts';

const STEPS = { read: 'reading', map: 'mapping', events: 'making events', file: 'filing' } as const;

/** A bar on stderr, when that is a terminal: a step at a time, each from nothing to all. */
export function progressBar(stream: NodeJS.WriteStream): { readonly onProgress: OnProgress; stop(): void } {
  if (!stream.isTTY) return { onProgress: () => {}, stop: () => {} };
  const format = `{step} [{bar}] {percentage}%`;
  const bar: Bar = new SingleBar({ stream, format, clearOnComplete: true, hideCursor: true }, Presets.shades_classic);
  bar.start(1, 0, { step: STEPS.read });
  return {
    onProgress: (step, done, total) => {
      bar.setTotal(Math.max(total, 1));
      bar.update(done, { step: STEPS[step] });
    },
    stop: () => bar.stop(),
  };
}

const EVERY_MS = 500;

/**
 * Calls back when the process that started this one is gone. npm may be killed without a word to what it runs; its child
 * then gets another parent. Answers how to stop watching.
 */
export function watchParent(onGone: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

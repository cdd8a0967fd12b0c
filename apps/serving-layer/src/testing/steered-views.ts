import { ViewsError } from '@tidemark/views';
import type { ServedViews } from '../serving-context.ts';

/** Views whose calls a test can watch, hold up or fail. Everything else goes through to the store. */
export class SteeredViews {
  readonly calls: (keyof ServedViews)[] = [];
  readonly views: ServedViews;
  /** Awaited by every call of this name before it goes through. */
  readonly before = new Map<keyof ServedViews, () => Promise<void> | void>();

  constructor(store: ServedViews) {
    const through = async <T>(name: keyof ServedViews, call: () => Promise<T>): Promise<T> => {
      this.calls.push(name);
      await this.before.get(name)?.();
      return call();
    };
    this.views = {
      pointer: () => through('pointer', () => store.pointer()),
      read: (...asked) => through('read', () => store.read(...asked)),
      scan: (lineage, slice, page) => through('scan', () => store.scan(lineage, slice, page)),
      touched: (slice) => store.touched(slice),
      positions: () => through('positions', () => store.positions()),
      candidates: (generation, list, limit) => through('candidates', () => store.candidates(generation, list, limit)),
      deadLetters: (page) => through('deadLetters', () => store.deadLetters(page)),
      countDeadLetters: () => through('countDeadLetters', () => store.countDeadLetters()),
    };
  }

  count(name: keyof ServedViews): number {
    return this.calls.filter((call) => call === name).length;
  }

  fail(name: keyof ServedViews): void {
    this.before.set(name, () => {
      throw new ViewsError('TIDEMARK_VIEWS_UNAVAILABLE', 'connect ECONNREFUSED');
    });
  }
}

import type { ViewStore, Views } from '../port.ts';

/** What an adapter brings to the suite: one store that several clients open. */
export type ViewsFixture = {
  /** Another client of the same store, as another process would open it. The suite closes it. */
  readonly open: () => Promise<ViewStore>;
  readonly close: () => Promise<void>;
};

/** Where stores may differ. Each difference is harmless by the law; an adapter says at its call why it has it. */
export type ViewsCapabilities = {
  /**
   * A write with the same `last_offset` but other content has no effect. Without it either may win: rows are a pure function
   * of the log prefix, so two such writes don't come about.
   */
  readonly fencesEqualOffsets: boolean;
  /**
   * After a delete, a late write of an older row comes back (true) or stays shadowed (false). Harmless: what is deleted is
   * below the floor and no longer read.
   */
  readonly forgetsDeletes: boolean;
};

/** What a part of the suite works with, made before its tests. */
export type Suite = {
  readonly capabilities: ViewsCapabilities;
  readonly store: () => ViewStore;
  /** Another client. */
  readonly open: () => Promise<ViewStore>;
  /** Views of a definition that nothing was written to, with `COLUMNS` of samples.ts. */
  readonly fresh: () => Promise<Views>;
};

export async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

/** Follows a cursor to its end; a page may be empty without being the last. */
export async function collectPages<T>(
  next: (after: string | null) => Promise<{ readonly rows: readonly T[]; readonly cursor: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < 10_000; page++) {
    const { rows, cursor } = await next(after);
    all.push(...rows);
    if (cursor === null) return all;
    after = cursor;
  }
  throw new Error('A cursor came to no end.');
}

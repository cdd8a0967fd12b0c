import { type EventLog, speedLayerGroup } from '@tidemark/log';
import { hasWayBack, type Position, type ViewStore, type Views } from '@tidemark/views';
import { readLag } from '../lag.ts';

export type DefinitionRow = {
  readonly definition: string;
  /** Served; served before, and kept to go back to; or neither: beside them, to be switched to. */
  readonly state: 'serving' | 'previous' | 'filling';
  /** Until when it can be gone back to. */
  readonly until: string | null;
  readonly generation: number | null;
  readonly published_at: string | null;
  /** Partitions in which its speed view has records to fold. */
  readonly behind: number;
  /** Speed layers that keep it up. */
  readonly speed_layers: number;
  /** What has to come before it can be switched to. */
  readonly missing: readonly string[];
};

type Stores = { readonly store: ViewStore; readonly log: EventLog };

/** Every definition that has tables, the one served first. */
export async function listDefinitions({ store, log }: Stores, nowMs: number): Promise<readonly DefinitionRow[]> {
  const serving = await store.serving();
  const goal = await positionsOf(store, serving?.serving);
  const rows: DefinitionRow[] = [];
  for (const definition of await store.definitions()) {
    const views = await store.find(definition);
    if (views === null) continue;
    const pointer = await views.pointer();
    const isPrevious = serving?.previous === definition;
    rows.push({
      definition,
      state: serving?.serving === definition ? 'serving' : isPrevious ? 'previous' : 'filling',
      until: isPrevious && hasWayBack(serving, nowMs) ? new Date(serving.untilMs ?? 0).toISOString() : null,
      generation: pointer?.generation ?? null,
      published_at: pointer === null ? null : new Date(pointer.publishedAtMs).toISOString(),
      behind: (await readLag(log, views)).filter(({ waitingSinceMs }) => waitingSinceMs !== null).length,
      speed_layers: await log.members(speedLayerGroup(definition)),
      missing: await missingOf(views, goal),
    });
  }
  const order = ['serving', 'previous', 'filling'];
  return rows.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

/** How far a definition's speed view is; nowhere without tables. */
export async function positionsOf(
  store: Pick<ViewStore, 'find'>,
  definitionId: string | undefined,
): Promise<ReadonlyMap<number, Position>> {
  const views = definitionId === undefined ? null : await store.find(definitionId);
  return (await views?.positions()) ?? new Map();
}

/**
 * What a definition lacks to be served: a live generation, and a speed view that is as far as `goal`, so that no answer says
 * less after the switch than before it.
 */
export async function missingOf(
  views: Pick<Views, 'pointer' | 'positions'>,
  goal: ReadonlyMap<number, Position>,
): Promise<readonly string[]> {
  const missing = (await views.pointer()) === null ? ['it has no live generation'] : [];
  const positions = await views.positions();
  for (const [partition, { offset }] of goal) {
    const own = positions.get(partition)?.offset;
    if (own === undefined) missing.push(`nothing of partition ${partition} is folded`);
    else if (own < offset) missing.push(`partition ${partition} is folded up to offset ${own}, not ${offset}`);
  }
  return missing;
}

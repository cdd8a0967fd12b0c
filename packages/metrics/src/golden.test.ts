import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from '@tidemark/contracts';
import type { HistoryRecord } from '@tidemark/oracle';
import { expect, test } from 'vitest';
import { define } from './definition.ts';
import { Duck } from './testing/duck.ts';
import { GOLDEN_BARRIERS, GOLDEN_GENERATIONS, GOLDEN_HISTORY } from './testing/golden-history.ts';
import { isCovered, replay } from './testing/history.ts';
import { plainState } from './testing/plain-state.ts';

/**
 * The bytes that fixed events make, committed. A definition's id is their name: equal id, equal bytes, on every machine
 * and in every version. After a change that is meant, raise FOLD_VERSION where the id does not change by itself, and run
 *
 *     TIDEMARK_GOLDEN=write npx vitest run src/golden.test.ts
 */
const FILE = new URL('../corpus/golden.json', import.meta.url);

const definition = define('USD');

async function golden() {
  const records = GOLDEN_HISTORY.map(({ at, wire }): HistoryRecord => {
    const result = parse(Buffer.from(JSON.stringify(wire)), { currency: 'USD' });
    if (!result.ok) throw new TypeError(`${wire.event_id}: ${result.reason}`);
    return { ...at, event: result.event };
  });
  const deltas = [...replay(definition, { records, barriers: GOLDEN_BARRIERS }).deltas].map(([name, delta]) => ({
    delta: name,
    lastOffset: String(delta.lastOffset),
    ids: Buffer.from(delta.ids.encode()).toString('hex'),
    state: named(delta.state),
  }));
  const batch: unknown[] = [];
  for (const generation of GOLDEN_GENERATIONS) {
    const duck = await Duck.open();
    const prefix = records.filter((record) => isCovered(record, generation));
    const states = await duck.recompute(definition, prefix, Date.UTC(2025, 5, 15, 12));
    duck.close();
    for (const [customerId, state] of states) batch.push({ generation, customerId, state: named(state) });
  }
  return { definition: { id: definition.id, sourcesId: definition.sourcesId }, deltas, batch };
}

function named(state: Parameters<typeof plainState>[0]): unknown {
  const values = plainState(state);
  return definition.columns.map(({ name, type }, at) => [name, type, Array.isArray(values) ? values[at] : null]);
}

test('the same definition id makes the same bytes', async () => {
  const committed: unknown = JSON.parse(readFileSync(FILE, 'utf8'));
  const made: unknown = JSON.parse(JSON.stringify(await golden()));
  const isSame = JSON.stringify(committed) === JSON.stringify(made);
  const sameId = JSON.stringify(committed).includes(`"id":"${definition.id}"`);
  if (process.env.TIDEMARK_GOLDEN === 'write' && !sameId) {
    writeFileSync(FILE, `${JSON.stringify(made, null, 1)}\n`);
    return;
  }
  const advice = sameId
    ? 'Bytes changed under an unchanged definition id: raise FOLD_VERSION in definition.ts, or views of two kinds get mixed. Then: TIDEMARK_GOLDEN=write npx vitest run src/golden.test.ts'
    : 'The definition changed. If that is meant: TIDEMARK_GOLDEN=write npx vitest run src/golden.test.ts';
  if (!isSame) expect(made, advice).toEqual(committed);
  expect(isSame, advice).toBe(true);
});

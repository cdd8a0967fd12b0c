import { afterAll, beforeAll, describe } from 'vitest';
import type { ViewStore } from '../port.ts';
import { batchConformance } from './batch-conformance.ts';
import { deltaConformance } from './delta-conformance.ts';
import { readConformance } from './read-conformance.ts';
import { COLUMNS, freshId } from './samples.ts';
import { storeConformance } from './store-conformance.ts';
import type { Suite, ViewsCapabilities, ViewsFixture } from './suite.ts';
import { valueConformance } from './value-conformance.ts';

/** The one suite that every adapter of the views passes, with the same promises from each. */
export function viewsConformance(
  name: string,
  factory: () => Promise<ViewsFixture>,
  capabilities: ViewsCapabilities,
): void {
  describe(`views of ${name}`, () => {
    let fixture: ViewsFixture | undefined;
    const stores: ViewStore[] = [];

    const open = async (): Promise<ViewStore> => {
      if (fixture === undefined) throw new Error('The store is there only while tests run.');
      const store = await fixture.open();
      stores.push(store);
      return store;
    };
    const store = (): ViewStore => {
      const [first] = stores;
      if (first === undefined) throw new Error('The store is there only while tests run.');
      return first;
    };
    const fresh = () => store().open({ id: freshId(), columns: COLUMNS });
    const suite: Suite = { capabilities, store, open, fresh };

    beforeAll(async () => {
      fixture = await factory();
      await open();
    });
    afterAll(async () => {
      for (const each of stores) await each.close();
      await fixture?.close();
    });

    describe('batch rows', () => batchConformance(suite));
    describe('deltas', () => deltaConformance(suite));
    describe('reads', () => readConformance(suite));
    describe('pointers and definitions', () => storeConformance(suite));
    describe('values', () => valueConformance(suite));
  });
}

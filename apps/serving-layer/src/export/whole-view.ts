import { asOfUnder } from '../as-of.ts';
import type { CustomerReader, CustomerView } from '../customer-reader.ts';
import { gone, type Pin, type Pins } from '../pins.ts';
import type { ServingContext } from '../serving-context.ts';

/** Customers of a page. */
const PAGE = 500;

type Source = {
  readonly context: Pick<ServingContext, 'views' | 'clock'>;
  readonly pins: Pick<Pins, 'pin' | 'isFresh' | 'lookAgain'>;
  readonly customers: Pick<CustomerReader, 'view'>;
};

/** Every customer of one generation, merged and finished at one moment. */
export type WholeView = {
  readonly pin: Pin;
  readonly asOfMs: number;
  /** Each customer once. Throws `TIDEMARK_API_GENERATION_GONE` when the floor has passed the generation. */
  readonly pages: AsyncGenerator<readonly CustomerView[], void>;
};

/** `generation`: absent, the live one. `asOfMs`: absent, now. A page has `limit` customers at most. */
export async function openWholeView(
  source: Source,
  selection: { readonly generation?: number | undefined; readonly asOfMs?: number | undefined },
  limit: number = PAGE,
): Promise<WholeView> {
  const pin = await source.pins.pin(selection.generation);
  const asOfMs = asOfUnder(pin, selection.asOfMs, source.context.clock.now());
  return { pin, asOfMs, pages: customerPages(source, pin, asOfMs, limit) };
}

/** The customers of a pin, page by page. Each page is looked at before it is given: below the floor rows may be missing. */
async function* customerPages(
  { context, pins, customers }: Source,
  pin: Pin,
  asOfMs: number,
  limit: number,
): AsyncGenerator<readonly CustomerView[], void> {
  let held = pin;
  let after: string | null = null;
  do {
    const page = await context.views.scan(held.lineage, held.slice, { after, limit });
    if (!pins.isFresh(held)) {
      const again = await pins.lookAgain(held);
      if (again === null) throw gone(held.generation);
      held = again;
    }
    yield page.rows.flatMap((rows) => customers.view(rows, asOfMs) ?? []);
    after = page.cursor;
  } while (after !== null);
}

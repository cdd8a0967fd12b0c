import { formatTime } from '@tidemark/contracts';
import { type ColumnValue, type MergedView, mergeView } from '@tidemark/metrics';
import type { CustomerRows } from '@tidemark/views';
import { asOfUnder } from './as-of.ts';
import type { Pin, Pins } from './pins.ts';
import type { Progress, ProgressReader } from './progress.ts';
import type { DeltaUsed, ReadProvenance } from './schema/answer.ts';
import type { ServingContext } from './serving-context.ts';

/** Which of a customer's rows an answer is made of. */
export type Layer = 'merged' | 'batch' | 'speed';

export type Selection = {
  readonly layer: Layer;
  /** Absent: the live one. */
  readonly generation?: number | undefined;
  /** UTC milliseconds; absent: now. */
  readonly asOfMs?: number | undefined;
};

/** One customer, merged and finished. */
export type CustomerView = MergedView & { readonly customerId: string; readonly deltas: readonly DeltaUsed[] };

/** One moment of one generation that several customers were read in. */
export type CustomersRead = {
  /** In the order of the ids asked; null for one with neither row nor delta. */
  readonly customers: readonly (CustomerView | null)[];
  readonly provenance: ReadProvenance;
};

type Source = Pick<ServingContext, 'definition' | 'views' | 'clock'>;

/** Reads customers in the order that makes an answer whole: pointer, positions, then rows of both layers at once. */
export class CustomerReader {
  readonly #context: Source;
  readonly #pins: Pins;
  readonly #progress: ProgressReader;

  constructor(context: Source, pins: Pins, progress: ProgressReader) {
    this.#context = context;
    this.#pins = pins;
    this.#progress = progress;
  }

  read(customerIds: readonly string[], selection: Selection): Promise<CustomersRead> {
    return this.#pins.read(selection.generation, async (pin) => {
      const asOfMs = asOfUnder(pin, selection.asOfMs, this.#context.clock.now());
      const progress = await this.progress();
      const lineage = selection.layer === 'speed' ? null : pin.lineage;
      const rows = await this.#context.views.read(customerIds, lineage, pin.slice, progress.positions);
      return {
        customers: rows.map((each) => this.view(selection.layer === 'batch' ? withoutDeltas(each) : each, asOfMs)),
        provenance: this.provenance(pin, asOfMs, progress),
      };
    });
  }

  /** To be called before the rows that the positions are to speak of are read. */
  async progress(): Promise<Progress> {
    const shared = this.#progress.get();
    return (shared instanceof Promise ? await shared : shared).value;
  }

  /** The customer's rows merged and finished; null when there are none. */
  view(rows: CustomerRows, asOfMs: number): CustomerView | null {
    const states = statesOf(rows);
    if (states.length === 0) return null;
    const { metrics, provisional } = mergeView(this.#context.definition, states, asOfMs);
    return { customerId: rows.customerId, metrics, provisional, deltas: rows.deltas.map(deltaUsed) };
  }

  provenance(pin: Pin, asOfMs: number, progress: Progress): ReadProvenance {
    return {
      definition: this.#context.definition.id,
      generation: pin.generation,
      cut: pin.cut,
      published_at: pin.publishedAt,
      as_of: formatTime(asOfMs),
      positions: progress.offsets,
      staleness_ms: this.#progress.stalenessMs(progress),
    };
  }
}

/** The states that a customer's answer is merged of; an empty batch row says that the generation no longer has them. */
export function statesOf({ batch, deltas }: CustomerRows): readonly (readonly ColumnValue[])[] {
  const states = deltas.map(({ state }) => state);
  return batch === null || batch.state === null ? states : [batch.state, ...states];
}

const withoutDeltas = (rows: CustomerRows): CustomerRows => ({ ...rows, deltas: [] });

const deltaUsed = ({ partition, epoch, lastOffset }: CustomerRows['deltas'][number]): DeltaUsed => ({
  partition,
  epoch,
  last_offset: lastOffset.toString(),
});

import { minorDigits } from '@tidemark/contracts';
import type { Definition, Metric, MetricValue } from '@tidemark/metrics';
import {
  AsyncByteQueue,
  type Data,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from 'apache-arrow';
import type { CustomerView } from '../customer-reader.ts';
import {
  type ArrowColumn,
  boolean,
  countsByText,
  decimal,
  int32,
  int64,
  text,
  texts,
  timestamp,
} from './arrow-column.ts';
import type { ExportFormat } from './format.ts';

/**
 * An Arrow IPC stream: `customer_id` utf8, the metrics typed as below, `provisional` list<utf8>. Money is decimal128(38, d)
 * with d minor digits of the currency, counts and days int64, years int32, times timestamp[ms, UTC], reasons list<utf8>,
 * counts by text map<utf8, int64>. What can be null is marked so, explicitly.
 */
export function arrow(definition: Definition): ExportFormat {
  const digits = minorDigits(definition.currency);
  const columns = definition.metrics.map((metric) => ({
    name: metric.name,
    column: metricColumn(metric, digits),
    of: ({ metrics }: CustomerView) => metrics[metric.name] ?? null,
  }));
  const all: readonly { name: string; column: ArrowColumn; of: (customer: CustomerView) => MetricValue }[] = [
    { name: 'customer_id', column: text, of: ({ customerId }) => customerId },
    ...columns,
    { name: 'provisional', column: texts, of: ({ provisional }) => provisional },
  ];
  return {
    mediaType: 'application/vnd.apache.arrow.stream',
    open: () => {
      const sink = new CollectedBytes();
      let isOpen = false;
      const writer = new RecordBatchStreamWriter();
      const write = (customers: readonly CustomerView[]): Uint8Array => {
        const parts = all.map(({ name, column, of }) => ({ name, data: column(customers.map(of)) }));
        const batch = recordBatch(parts, customers.length);
        if (!isOpen) writer.reset(sink, batch.schema);
        isOpen = true;
        writer.write(batch);
        return sink.take();
      };
      return {
        page: write,
        end: () => {
          // A stream without a batch still says its schema.
          const head = isOpen ? new Uint8Array() : write([]);
          writer.finish();
          return Buffer.concat([head, sink.take()]);
        },
      };
    },
  };
}

/** What the stream writer writes, kept until it is taken. */
class CollectedBytes extends AsyncByteQueue {
  #parts: Uint8Array[] = [];

  override write(value: Parameters<AsyncByteQueue['write']>[0]): void {
    // The writer gives byte arrays and views of them only.
    if (!ArrayBuffer.isView(value)) throw new TypeError('the Arrow writer wrote something else than bytes');
    this.#parts.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return bytes;
  }
}

function recordBatch(parts: readonly { readonly name: string; readonly data: Data }[], length: number): RecordBatch {
  const schema = new Schema(parts.map(({ name, data }) => new Field(name, data.type, name !== 'customer_id')));
  const children = parts.map(({ data }) => data);
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

function metricColumn({ unit }: Metric, moneyDigits: number): ArrowColumn {
  switch (unit) {
    case 'money':
      return decimal(moneyDigits);
    case 'count':
    case 'days':
      return int64;
    case 'year':
      return int32;
    case 'time':
      return timestamp;
    case 'text':
      return text;
    case 'boolean':
      return boolean;
    case 'reasons':
      return texts;
    case 'counts by text':
      return countsByText;
  }
}

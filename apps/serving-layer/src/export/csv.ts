import type { Definition, Metric, MetricValue } from '@tidemark/metrics';
import type { ExportFormat } from './format.ts';

/**
 * RFC 4180 with a header: `customer_id`, the metrics in their order, `provisional` (names separated by `;`, as reasons are).
 * Null is an empty cell; counts by text are a JSON object.
 *
 * A spreadsheet takes text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, so such text gets
 * an apostrophe in front, and so does text that begins with an apostrophe: taking one away gives back what was there.
 * Numbers are written as they are.
 */
export const csv = ({ metrics }: Definition): ExportFormat => ({
  mediaType: 'text/csv',
  open: () => {
    let header = row(['customer_id', ...metrics.map(({ name }) => name), 'provisional']);
    return {
      page: (customers) => {
        const rows = customers.map((customer) =>
          row([
            quoted(harmless(customer.customerId)),
            ...metrics.map((metric) => cell(metric, customer.metrics[metric.name] ?? null)),
            customer.provisional.join(';'),
          ]),
        );
        const text = header + rows.join('');
        header = '';
        return text;
      },
      // The header of a view without customers.
      end: () => header,
    };
  },
});

const row = (cells: readonly string[]): string => `${cells.join(',')}\r\n`;

function cell({ unit }: Metric, value: MetricValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return unit === 'text' ? quoted(harmless(value)) : value;
  if (typeof value !== 'object') return String(value);
  return quoted(harmless(Array.isArray(value) ? value.join(';') : JSON.stringify(value)));
}

const harmless = (text: string): string => (/^[=+\-@\t\r']/.test(text) ? `'${text}` : text);

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

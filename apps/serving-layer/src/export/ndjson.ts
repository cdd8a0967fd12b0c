import type { Definition } from '@tidemark/metrics';
import { metricsJson } from '../customer-json.ts';
import type { ExportFormat } from './format.ts';

/** One `{ customer_id, metrics, provisional }` a line. */
export function ndjson(definition: Definition): ExportFormat {
  const writeMetrics = metricsJson(definition);
  return {
    mediaType: 'application/x-ndjson',
    open: () => ({
      page: (customers) => {
        let lines = '';
        for (const { customerId, metrics, provisional } of customers) {
          const head = `{"customer_id":${JSON.stringify(customerId)},"metrics":${writeMetrics(metrics)}`;
          lines += `${head},"provisional":${JSON.stringify(provisional)}}\n`;
        }
        return lines;
      },
      end: () => '',
    }),
  };
}

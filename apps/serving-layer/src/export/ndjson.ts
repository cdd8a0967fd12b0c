import type { ExportFormat } from './format.ts';

/** One `{ customer_id, metrics, provisional }` a line. */
export const ndjson: ExportFormat = {
  mediaType: 'application/x-ndjson',
  open: () => ({
    page: (customers) =>
      customers
        .map(
          ({ customerId, metrics, provisional }) =>
            `${JSON.stringify({ customer_id: customerId, metrics, provisional })}\n`,
        )
        .join(''),
    end: () => '',
  }),
};

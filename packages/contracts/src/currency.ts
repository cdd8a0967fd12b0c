import { TidemarkError } from './error.ts';

/**
 * ISO 4217 minor digits that are not 2. A table of our own and not the runtime's: which records are accepted must
 * not change with the locale data of a Node version, and that data follows custom instead of ISO (AFN 0, ISO says 2).
 */
const MINOR_DIGITS: ReadonlyMap<string, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV'].map(zero),
  ...['XAF', 'XOF', 'XPF'].map(zero),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((code): [string, number] => [code, 3]),
  ['CLF', 4],
  ['UYW', 4],
]);

function zero(code: string): [string, number] {
  return [code, 0];
}

const known: ReadonlySet<string> = new Set([...Intl.supportedValuesOf('currency'), ...MINOR_DIGITS.keys()]);

/**
 * How many digits an amount of `currency` may have after the point (ISO 4217: USD 2, JPY 0, BHD 3).
 * Throws `TIDEMARK_CURRENCY_UNKNOWN` when `currency` is not an upper-case ISO 4217 code.
 */
export function minorDigits(currency: string): number {
  if (!known.has(currency)) {
    throw new TidemarkError(
      'TIDEMARK_CURRENCY_UNKNOWN',
      `${JSON.stringify(currency)} is not an ISO 4217 currency code: use one such as USD, EUR or JPY`,
    );
  }
  return MINOR_DIGITS.get(currency) ?? 2;
}

import { TidemarkError } from './error.ts';

/**
 * ISO 4217 minor digits that are not 2. A table of our own and not the runtime's: which records are accepted must
 * not change with the locale data of a Node version, and that data follows custom instead of ISO (AFN 0, ISO says 2).
 */
const MINOR_DIGITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0 },
    ...{ VUV: 0, XAF: 0, XOF: 0, XPF: 0 },
    ...{ BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3 },
    ...{ CLF: 4, UYW: 4 },
  }),
);

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

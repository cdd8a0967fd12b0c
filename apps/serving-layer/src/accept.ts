type Range = { readonly type: string; readonly quality: number };

/**
 * The offered media type that an `Accept` header likes best; of equals the first offered; null when it takes none. A type
 * is judged by its most specific range, as RFC 9110 has it; parameters other than `q` are passed over.
 */
export function preferred(accept: string | undefined, offered: readonly string[]): string | null {
  if (accept === undefined || accept.trim() === '') return offered[0] ?? null;
  const ranges = accept.split(',').map(rangeOf);
  let best: { readonly type: string; readonly quality: number } | null = null;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type ?? null;
}

function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const quality = weight === undefined ? 1 : Number(weight);
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

function qualityOf(type: string, ranges: readonly Range[]): number {
  const widening = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const width of widening) {
    const range = ranges.find((each) => each.type === width);
    if (range) return range.quality;
  }
  return 0;
}

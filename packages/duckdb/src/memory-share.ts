/** A size such as `2GB` or `512MB`, in DuckDB's syntax, in megabytes. */
export function megabytes(limit: string): number {
  const [, digits, unit] = /^(\d+)(MB|GB)$/.exec(limit) ?? [];
  if (digits === undefined) throw new RangeError(`Not a size such as 512MB or 2GB: ${limit}`);
  return Number(digits) * (unit === 'GB' ? 1000 : 1);
}

/** A part of a size such as `2GB` or `512MB`: for one of several that share a limit. */
export const memoryShare = (limit: string, part: number): string =>
  `${Math.max(1, Math.floor(megabytes(limit) * part))}MB`;

/** A part of a size such as `2GB` or `512MB`, in DuckDB's syntax: for one of several that share a limit. */
export function memoryShare(limit: string, part: number): string {
  const [, digits, unit] = /^(\d+)(MB|GB)$/.exec(limit) ?? [];
  if (digits === undefined) throw new RangeError(`Not a size such as 512MB or 2GB: ${limit}`);
  return `${Math.max(1, Math.floor(Number(digits) * (unit === 'GB' ? 1000 : 1) * part))}MB`;
}

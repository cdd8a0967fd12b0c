/** An SQL identifier in quotes, for the few names that can't be bound: databases, tables of a definition. */
export function quoteIdentifier(name: string): string {
  if (name.length === 0 || name.includes('\0'))
    throw new RangeError('An SQL identifier is neither empty nor has it a NUL.');
  return `"${name.replaceAll('"', '""')}"`;
}

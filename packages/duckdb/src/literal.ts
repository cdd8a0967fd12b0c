/** A string as a SQL literal. */
export const textLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A list of strings as a SQL list literal. */
export const textListLiteral = (texts: readonly string[]): string => `[${texts.map(textLiteral).join(', ')}]`;

/** A name as a quoted SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export type TableColumn = { readonly title: string; readonly align?: 'left' | 'right' };

/** Plain text in columns, two spaces apart, indented by two. Control characters are shown, never sent to the terminal. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(printable));
  const hasTitles = columns.some(({ title }) => title !== '');
  const lines = hasTitles ? [columns.map(({ title }) => title), ...clean] : clean;
  const widths = columns.map((_, index) => Math.max(0, ...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) => {
      const cells = columns.map(({ align }, index) => {
        const cell = line[index] ?? '';
        const width = widths[index] ?? 0;
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      });
      return `  ${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** What customers and files hold must not move the cursor or change colours. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return `\\u${point.toString(16).padStart(4, '0')}`;
  });
}

/** Writes a Markdown table as the formatter does: columns have equal widths. A `|` in a cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...lines.map((cells) => [...cells[column]!].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |\n`;
  const [first, ...others] = lines.map(line);
  return [first, line(widths.map((width) => '-'.repeat(width))), ...others].join('');
}

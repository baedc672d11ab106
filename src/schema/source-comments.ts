/**
 * This module finds the comment of a declaration: the lines directly above it, or else the text after it on its own
 * line.
 */

/**
 * Returns the comment of a declaration. `statement` is the offset of its first word. Undefined when there is no
 * comment.
 */
export function commentOf(text: string, statement: number): string | undefined {
  const lineStart = text.lastIndexOf('\n', statement - 1) + 1;
  const alone = text.slice(lineStart, statement).trim() === '';
  const comment = (alone ? commentAbove(text, lineStart) : '') || commentAfter(text, statement);
  return comment === '' ? undefined : comment;
}

function commentAbove(text: string, lineStart: number): string {
  const lines: string[] = [];
  for (let end = lineStart - 1; end >= 0; ) {
    const start = end === 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
    const line = text.slice(start, end).trim();
    if (line.startsWith('//')) lines.push(line.slice(2));
    else if (line.endsWith('*/') && lines.length === 0) return blockComment(text, start, end);
    else break;
    end = start - 1;
  }
  return joined(lines.reverse());
}

/**
 * Returns the block comment that ends in the line from `start` to `end`. It is empty if code comes before the comment.
 */
function blockComment(text: string, start: number, end: number): string {
  const close = text.lastIndexOf('*/', end);
  const open = text.lastIndexOf('/*', close - 2);
  const firstLine = text.lastIndexOf('\n', open) + 1;
  if (open < 0 || (open < start && text.slice(firstLine, open).trim() !== '')) return '';
  if (open >= start && text.slice(start, open).trim() !== '') return '';
  const lines = text.slice(open + 2, close).split('\n');
  return joined(lines.map((line) => line.replace(/^\s*\*+/, '')));
}

function commentAfter(text: string, statement: number): string {
  const end = text.indexOf('\n', statement);
  const line = text.slice(statement, end < 0 ? undefined : end);
  const slashes = line.lastIndexOf('//');
  if (slashes < 0 || !/[;{]\s*$/.test(line.slice(0, slashes))) return '';
  return joined([line.slice(slashes + 2)]);
}

function joined(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
    .trim();
}

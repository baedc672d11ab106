/** This module turns the comments of protos into Markdown for readers of the API. */

/**
 * Returns a comment as Markdown. Internal comments, `(-- … --)` (AIP-192), and lines for linters are left out. References
 * such as `[Order][shop.v1.Order]` become `Order`, because the document has no such links. Empty if nothing is left.
 */
export function markdownOf(comment: string | undefined): string {
  if (comment === undefined) return '';
  return withoutInternal(comment)
    .split('\n')
    .filter((line) => !LINT.test(line))
    .join('\n')
    .replace(REFERENCE, (_, text: string) => (text.includes('`') ? text : `\`${text}\``))
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

const LINT = /^\s*(?:buf:lint:|protolint:|api-linter:)/;
const REFERENCE = /\[([^\][\n]{1,200})\]\[[\w.]{0,200}\]/g;

/** Removes internal comments. An internal comment without an end reaches to the end of the text. */
function withoutInternal(comment: string): string {
  let text = '';
  for (let at = 0; ; ) {
    const start = comment.indexOf('(--', at);
    if (start < 0) return text + comment.slice(at);
    text += comment.slice(at, start);
    const end = comment.indexOf('--)', start);
    if (end < 0) return text;
    at = end + 3;
  }
}

/** The most characters of a summary. */
const MOST = 120;

/**
 * Returns the first sentence of a description in one line, without backquotes and without its point at the end. Empty if the
 * sentence has more than 120 characters.
 */
export function summaryOf(markdown: string): string {
  const paragraph = markdown
    .replaceAll('`', '')
    .split(/\n\s*\n/, 1)[0]!
    .replace(/\s*\n\s*/g, ' ');
  const sentence = /^.*?[.!?](?=\s|$)/.exec(paragraph)?.[0] ?? paragraph;
  return sentence.length <= MOST ? sentence.replace(/\.$/, '') : '';
}

/** Joins the parts that are not empty with blank lines, as Markdown separates paragraphs. */
export function paragraphs(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

/** Returns an object with the member `description`, or without members for an empty text. */
export function described(text: string): { readonly description?: string } {
  return text === '' ? {} : { description: text };
}

/** The text of a `.proto` file as the parser gets it, and what is kept of it when the parser is done. */

/** A string, which is kept, or a line comment. A string that does not end goes on to the end of the text. */
const LINE_COMMENTS = /("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|\/\/[^\n]*/gs;
const COMMENTS = /("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|\/\/[^\n]*|\/\*(?:.*?\*\/|.*)/gs;

/**
 * The same text without its comments; everything else keeps its line and column. Comments are half of what there is to
 * read, and the parser goes through them character by character to find out that nobody wants them.
 */
export function withoutComments(text: string): string {
  if (!text.includes('/*')) return text.replace(LINE_COMMENTS, '$1');
  return text.replace(COMMENTS, (found: string, string: string | undefined) => {
    if (string !== undefined) return string;
    if (found.startsWith('//')) return '';
    // One that does not end is for the parser to refuse.
    return found.endsWith('*/') && found.length > 3 ? found.replace(/[^\n]/g, ' ') : found;
  });
}

/**
 * Words of texts, each kept once and by itself. A token is a slice of its file's text: whoever keeps one keeps the whole
 * text, and there are thousands of files.
 */
export class Words {
  readonly #known = new Map<string, string>();

  of(token: string): string {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    const word = Buffer.from(token).toString();
    this.#known.set(word, word);
    return word;
  }
}

/**
 * Words of texts, each kept once and by itself. A token is a slice of its file's text: whoever keeps one keeps the whole
 * text, comments and all, and there are thousands of files with the same few names in them.
 */
export class Words {
  private readonly known = new Map<string, string>();

  of(token: string): string {
    const known = this.known.get(token);
    if (known !== undefined) return known;
    const word = Buffer.from(token).toString();
    this.known.set(word, word);
    return word;
  }
}

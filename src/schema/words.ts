/**
 * Keeps each word of several texts once, as a copy. A token is a slice of its file's text and would keep the whole text in
 * memory, and thousands of files contain the same few names.
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

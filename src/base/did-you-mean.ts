/**
 * Returns the name that was probably meant by `word`, for error texts: the one with the smallest edit distance. Undefined when
 * no name is similar.
 */
export function didYouMean(word: string, names: Iterable<string>): string | undefined {
  const limit = Math.max(Math.min(2, word.length - 1), Math.floor(Math.min(word.length, 40) / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** Returns the end of an error text, `, did you mean 'name'?`, or an empty text if no name is similar. */
export function meantHint(word: string, names: Iterable<string>): string {
  return hintOf(didYouMean(word, names));
}

export function hintOf(meant: string | undefined): string {
  return meant === undefined ? '' : `, did you mean '${meant}'?`;
}

/**
 * Returns the Levenshtein distance of two texts. The time grows with the product of their lengths, so callers must limit these.
 */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

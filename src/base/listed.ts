/** The most names that a list has. */
const MOST = 10;

/** Returns names as a list for an error text. A list of more than ten names has the first ten and `…`. */
export function listed(names: readonly string[]): string {
  return `${names.slice(0, MOST).join(', ')}${names.length > MOST ? ', …' : ''}`;
}

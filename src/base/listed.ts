/** The most names that are shown. */
const MOST = 10;

/** Returns names, separated by commas, for an error text. Of more than ten names, the first ten are followed by `…`. */
export function listed(names: readonly string[]): string {
  return `${names.slice(0, MOST).join(', ')}${names.length > MOST ? ', …' : ''}`;
}

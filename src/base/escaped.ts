/** Returns the source of a regular expression that matches exactly `text`: `a.b` → `a\.b`. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

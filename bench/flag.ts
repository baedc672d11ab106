/** Returns the argument behind a flag of the command; undefined when the flag is not there. */
export function flag(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/**
 * Finds programs that tests run. Where a program is not installed, its tests are skipped and report that; in CI they fail
 * instead.
 */
import { execFileSync } from 'node:child_process';

/**
 * Returns the path of the first program that is installed; undefined when none is. `what` names the tests and `install`
 * Debian's package, for the message.
 */
export function findCommand(names: readonly string[], what: string, install: string): string | undefined {
  const found = names.map(pathOf).find((path) => path !== undefined);
  if (found !== undefined) return found;
  saySkipped(`no ${names[0]} is installed: tests of ${what} are SKIPPED (apt-get install ${install})`);
  return undefined;
}

/** Reports skipped tests on stderr. Throws in CI. */
export function saySkipped(text: string): void {
  if (process.env.CI !== undefined) throw new Error(text);
  process.stderr.write(`\n*** ${text} ***\n\n`);
}

function pathOf(name: string): string | undefined {
  try {
    return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Programs that tests run where they are installed. Where one is not, its tests are skipped and say so; in CI none is. */
import { execFileSync } from 'node:child_process';

/** The path of the first that is there; undefined: none. `what`: of the tests; `install`: Debian's package. */
export function findCommand(names: readonly string[], what: string, install: string): string | undefined {
  const found = names.map(pathOf).find((path) => path !== undefined);
  if (found !== undefined) return found;
  saySkipped(`no ${names[0]} is installed: tests of ${what} are SKIPPED (apt-get install ${install})`);
  return undefined;
}

/** Loudly; throws in CI. */
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

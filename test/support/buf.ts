/** Runs buf, the program itself: the script of its package starts a Node process for each run. */
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const own = createRequire(import.meta.url);
const ofBuf = createRequire(own.resolve('@bufbuild/buf/package.json'));
const { optionalDependencies } = own('@bufbuild/buf/package.json') as { optionalDependencies: Record<string, string> };

/** Only the package for this platform is installed. */
const PROGRAM = Object.keys(optionalDependencies)
  .flatMap((name) => [`${name}/bin/buf`, `${name}/bin/buf.exe`])
  .map(installed)
  .find((path) => path !== undefined);

function installed(path: string): string | undefined {
  try {
    return ofBuf.resolve(path);
  } catch {
    return undefined;
  }
}

/** Returns what buf wrote to stdout. Throws if it fails. */
export function buf(args: readonly string[], options: ExecFileSyncOptions = {}): Buffer {
  if (PROGRAM === undefined) throw new Error('buf: expected its package for this platform, found none: run npm ci');
  return execFileSync(PROGRAM, args, options) as Buffer;
}

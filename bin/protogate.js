#!/usr/bin/env node
// Starts the command line: of the package from few files, of a checkout from the files of its last build. In a checkout that
// was not built yet it says how.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const [main] = ['../dist/src/cli/main.js', '../dist/package/js/main.js']
  .map((path) => new URL(path, import.meta.url))
  .filter((url) => existsSync(url));
if (main === undefined) {
  process.stderr.write('protogate is not built: run `npm ci && npm run build` first\n');
  process.exitCode = 1;
} else {
  keepCompiledCode();
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
}

/**
 * Lets Node keep compiled code for the next start; Node 20 cannot do that. The folder is the user's own: into Node's default,
 * which is in the folder for temporary files, other users may write, and compiled code is run without a check. If the folder
 * cannot be written, code is compiled at each start. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE are settings of Node.
 */
function keepCompiledCode() {
  if (module.enableCompileCache === undefined || process.env.NODE_COMPILE_CACHE !== undefined) return;
  try {
    const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
    if (!isAbsolute(caches)) return;
    const folder = join(caches, 'protogate');
    const { directory } = module.enableCompileCache(folder);
    // Worker processes take it from here.
    if (directory !== undefined) process.env.NODE_COMPILE_CACHE = folder;
  } catch {
    // A user without a home has no such folder.
  }
}

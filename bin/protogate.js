#!/usr/bin/env node
// Starts the built command line; in a checkout that was not built yet it says how.
import { existsSync } from 'node:fs';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write('protogate is not built: run `npm ci && npm run build` first\n');
  process.exitCode = 1;
}

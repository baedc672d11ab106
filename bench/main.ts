/** `npm run bench -- NAME [FLAGS]` runs one benchmark, or all without a name, except those that take half an hour. */
import { fileURLToPath } from 'node:url';

// Processes are started from the files that are published, as users start them.
process.env.PROTOGATE_TEST_MAIN ??= fileURLToPath(new URL('../package/js/main.js', import.meta.url));

const BENCHMARKS = [
  'match',
  'token',
  'codec',
  'worst',
  'request',
  'aggregate',
  'streams',
  'reload',
  'surfaces',
  'telemetry',
  'gate',
  'peers',
] as const;
const LONG = ['soak'] as const;

const flags = process.argv.findIndex((argument, index) => index >= 2 && argument.startsWith('--'));
const wanted = process.argv.slice(2, flags < 0 ? undefined : flags);
const unknown = wanted.filter((name) => ![...BENCHMARKS, ...LONG].some((known) => known === name));
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(', ')}: expected ${[...BENCHMARKS, ...LONG].join(', ')}\n`);
  process.exit(2);
}
process.argv.splice(2, wanted.length);
for (const name of wanted.length > 0 ? wanted : BENCHMARKS) {
  process.stdout.write(`== ${name}\n`);
  await import(`./${name}.js`);
}

/** `npm run bench -- NAME [FLAGS]` runs one benchmark, or all without a name. */
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
] as const;

const flags = process.argv.findIndex((argument, index) => index >= 2 && argument.startsWith('--'));
const wanted = process.argv.slice(2, flags < 0 ? undefined : flags);
const unknown = wanted.filter((name) => !(BENCHMARKS as readonly string[]).includes(name));
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(', ')}: expected ${BENCHMARKS.join(', ')}\n`);
  process.exit(2);
}
process.argv.splice(2, wanted.length);
for (const name of wanted.length > 0 ? wanted : BENCHMARKS) {
  process.stdout.write(`== ${name}\n`);
  await import(`./${name}.js`);
}

/** `npm run bench -- NAME`: runs one benchmark, or all. */
const BENCHMARKS = ['match', 'token'] as const;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(BENCHMARKS as readonly string[]).includes(name));
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(', ')}: expected ${BENCHMARKS.join(', ')}\n`);
  process.exit(2);
}
process.argv.splice(2);
for (const name of wanted.length > 0 ? wanted : BENCHMARKS) {
  process.stdout.write(`== ${name}\n`);
  await import(`./${name}.js`);
}

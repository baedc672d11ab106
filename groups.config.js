/**
 * The config of `npm test`. Loading the gateway takes longer than most test files run, so the files of a folder share a
 * process: this config writes one file for each group, which imports the test files of the group. With ava.config.js a file
 * has a process of its own: `npx ava dist/test/server/drain.test.js`.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import single from './ava.config.js';

const out = process.env.PROTOGATE_OUT ?? 'dist';
const folder = `${out}/groups`;

/** Files that measure the memory of the process, so that nothing else may run in it. */
const ALONE = new Set(['server/cost.test.js', 'server/matrix.test.js']);

/**
 * The folders whose files share a process, the slowest process first. Loading the gateway takes a second of CPU, so there
 * are not more processes than two or four cores need. The files of all other folders share one, `others`.
 */
const GROUPS = [
  ['process'],
  ['server'],
  ['server/endpoints'],
  ['server/connection'],
  ['aggregate'],
  ['schema'],
  ['cli'],
  ['policy'],
  ['upstream'],
  ['hostile'],
  ['gateway', 'routing'],
  ['codec', 'transcoding'],
];

/** `server/endpoints/streams.test.js` → `server-endpoints` */
function groupOf(file) {
  if (ALONE.has(file)) return nameOf([file.replace('.test.js', '')]);
  const lengthIn = (folders) => Math.max(0, ...folders.map((name) => (file.startsWith(`${name}/`) ? name.length : 0)));
  const [own] = GROUPS.filter((folders) => lengthIn(folders) > 0).toSorted((a, b) => lengthIn(b) - lengthIn(a));
  return own === undefined ? 'others' : nameOf(own);
}

function nameOf(folders) {
  return folders.join('-').replaceAll('/', '-');
}

const groups = new Map(['others', ...GROUPS.map(nameOf)].map((name) => [name, []]));
for (const path of readdirSync(`${out}/test`, { recursive: true }).toSorted()) {
  const file = path.replaceAll('\\', '/');
  const group = groupOf(file);
  if (file.endsWith('.test.js')) groups.set(group, [...(groups.get(group) ?? []), file]);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [name, files] of groups) {
  // The limit comes first: hooks run in the order in which they are declared.
  const imports = ['support/parallel-tests.js', ...files].map((file) => `import '../test/${file}';\n`);
  writeFileSync(`${folder}/${name}.js`, imports.join(''));
}

/**
 * Bundles the command line, so that the processes that tests start load few files instead of 700: this halves their
 * processor time. Returns the file that has `main`. Every file is as deep below the root of the package as in `dist/src`,
 * from where the gateway finds its protos.
 */
function bundleCommands() {
  const outdir = `${out}/processes/files`;
  rmSync(outdir, { recursive: true, force: true });
  buildSync({
    entryPoints: {
      main: `${out}/src/cli/main.js`,
      // Each of these runs in a process or thread of its own, and is looked for beside the file that starts it.
      'worker-start': `${out}/src/process/worker-start.js`,
      pulse: `${out}/src/process/pulse.js`,
      'parse-worker': `${out}/src/schema/parse-worker.js`,
    },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // Node parses less text then.
    minifyWhitespace: true,
    minifySyntax: true,
    // They are loaded only when they are needed.
    external: ['@grpc/grpc-js', 'ioredis', 'koa-jwt'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return resolve(outdir, 'main.js');
}

/** Writes the files that are published, and returns the one that has `main`. */
async function bundlePackage() {
  await import('./scripts/bundle.js');
  return resolve(`${out}/package/js/main.js`);
}

// With TEST_ALL, as in CI, processes are started from the files that are published.
const main = process.env.TEST_ALL === undefined ? bundleCommands() : await bundlePackage();
const order = [...groups.keys()].map((name) => `${name}.js`);
export default {
  ...single,
  environmentVariables: { PROTOGATE_TEST_MAIN: main },
  // Many tests wait for timers, so three processes on two cores take less time than two. CI runs one for each core.
  concurrency: process.env.CI === undefined ? single.concurrency : Math.max(2, availableParallelism()),
  files: [`${folder}/*.js`],
  sortTestFiles: (a, b) => order.indexOf(basename(a)) - order.indexOf(basename(b)),
};

/**
 * The config of `npm test`. Loading the gateway and warming it up takes longer than most test files run, so many test files
 * share a process, and what a process loads is a bundle: this config writes one file for each group of folders, which imports
 * the test files of these folders, and bundles the groups together. Tests start the command line from a file of its own.
 * With ava.config.js a file has a process of its own: `npx ava dist/test/server/drain.test.js`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, stop } from 'esbuild';
import single from './ava.config.js';
import { writeStartedCommand } from './scripts/started-command.js';

const out = process.env.PROTOGATE_OUT ?? 'dist';
/** Every file of it is as deep below the root of the package as those of `dist/src`, from where the gateway finds its protos. */
const bundle = `${out}/groups/files`;

/** Files that measure the memory of the process, so that nothing else may run in it. */
const ALONE = new Set(['server/cost.test.js', 'server/matrix.test.js']);

/**
 * Files in which tests measure memory, and wait until no other test runs. They share a process with little else in it: to
 * collect the garbage of a large one takes a fifth of a second, in which nothing else of that process goes on.
 */
const MEASURING = new Set([
  'policy/access/jwt.test.js',
  'server/connection/pipelining.test.js',
  'server/floods.test.js',
  'server/hostile.test.js',
  'store/counters.test.js',
  'upstream/lean/memory.test.js',
]);

/**
 * The folders whose files share a process, in the order in which the processes start. `measuring` and the names that begin with
 * `server-` are the files above. `others` are the files of all folders that are not here.
 */
const GROUPS = [
  // The tests of these wait most of the time: for processes that they start, for time limits, or for each other.
  ['process', 'cli', 'diff', 'admin'],
  ['others'],
  ['server-matrix'],
  ['measuring'],
  ['server'],
  ['aggregate', 'policy', 'gateway', 'upstream'],
  ['codec', 'transcoding', 'schema', 'routing'],
  ['hostile'],
  ['server-cost'],
];

/** `server/endpoints/streams.test.js` → `server`, `codec/masks.test.js` → `codec-transcoding-schema-routing` */
function groupOf(file) {
  if (ALONE.has(file)) return nameOf([file.replace('.test.js', '')]);
  if (MEASURING.has(file)) return 'measuring';
  const own = GROUPS.find((folders) => folders.some((name) => file.startsWith(`${name}/`)));
  return own === undefined ? 'others' : nameOf(own);
}

function nameOf(folders) {
  return folders.join('-').replaceAll('/', '-');
}

const groups = new Map(GROUPS.map((folders) => [nameOf(folders), []]));
for (const path of readdirSync(`${out}/test`, { recursive: true }).toSorted()) {
  const file = path.replaceAll('\\', '/');
  const group = groupOf(file);
  if (file.endsWith('.test.js')) groups.set(group, [...(groups.get(group) ?? []), file]);
}

rmSync(`${out}/groups`, { recursive: true, force: true });
mkdirSync(`${out}/groups`);
for (const [name, files] of groups) {
  // The limit comes first: hooks run in the order in which they are declared.
  const imports = ['support/parallel-tests.js', ...files].map((file) => `import '../test/${file}';\n`);
  writeFileSync(`${out}/groups/${name}.js`, imports.join(''));
}

/**
 * Keeps in the bundle what a file has without it: modules of the tests have their own URL, because they find files beside
 * it, and the names of tests begin with their file: `server › drain › a client that …`.
 */
const asFiles = {
  name: 'as-files',
  setup({ onLoad }) {
    const root = resolve(out, 'test');
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const file = relative(root, path).replaceAll('\\', '/');
      if (file.startsWith('../')) return undefined;
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      if (!file.endsWith('.test.js')) return { contents: text };
      const prefix = JSON.stringify(`${file.replace('.test.js', '').replaceAll('/', ' › ')} › `);
      const named = `import ava from 'ava'; import { namedTests } from ${JSON.stringify(resolve(root, 'support/named-tests.js'))};`;
      return {
        contents: text.replace(
          /import test(?:, \{\})? from 'ava';/,
          `${named} const test = namedTests(ava, ${prefix});`,
        ),
      };
    });
  },
};

/** Packages that may be there only once, that find their files beside them, or that are loaded only when they are needed. */
const NOT_BUNDLED = [
  'ava',
  '@bufbuild/buf',
  '@grpc/grpc-js',
  '@opentelemetry/*',
  '@seriousme/openapi-schema-validator',
  'ioredis',
  'koa-jwt',
  'playwright-core',
  'protobufjs',
  'typescript',
];

/** Packages that a process of the command line loads only when its config needs them. */
const STARTED_WITHOUT = NOT_BUNDLED.filter((name) => name !== 'ava');

/** Without it Node 20 spends a third of the processor time on optimizing, also in the processes that tests start. */
const optimizeLater = single.nodeArguments.map((flag) => `setV8Flags('${flag}');`).join('');

await build({
  entryPoints: {
    ...Object.fromEntries([...groups.keys()].map((name) => [name, `${out}/groups/${name}.js`])),
    // It runs in a thread, and is looked for beside the file that starts it.
    'parse-worker': `${out}/src/schema/parse-worker.js`,
  },
  outdir: bundle,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // Node parses less text then. Failures name the lines of the tests' own files all the same.
  minifyWhitespace: true,
  sourcemap: 'linked',
  external: NOT_BUNDLED,
  banner: {
    js: [
      "import { createRequire as requireFrom } from 'node:module';",
      "import { setFlagsFromString as setV8Flags } from 'node:v8';",
      `const require = requireFrom(import.meta.url); ${optimizeLater}`,
    ].join('\n'),
  },
  plugins: [asFiles],
  logLevel: 'warning',
});

/** Writes the command line as one file, and returns the module that has `main`. */
function bundleCommand() {
  return writeStartedCommand(out, `${out}/groups/started`, STARTED_WITHOUT, single.nodeArguments);
}

/** Writes the files that are published, and returns the one that has `main`. */
async function bundlePackage() {
  await import('./scripts/bundle.js');
  return resolve(`${out}/package/js/main.js`);
}

// With TEST_ALL, as in CI, processes are started from the files that are published.
const main = process.env.TEST_ALL === undefined ? await bundleCommand() : await bundlePackage();
await stop();
const order = [...groups.keys()].map((name) => `${name}.js`);
export default {
  ...single,
  environmentVariables: { PROTOGATE_TEST_MAIN: main },
  files: [...groups.keys()].map((name) => `${bundle}/${name}.js`),
  sortTestFiles: (a, b) => order.indexOf(basename(a)) - order.indexOf(basename(b)),
};

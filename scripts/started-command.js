/**
 * Writes the command line as one file, for tests that start it as a process, and keeps its compiled code beside it. So a start
 * takes two thirds of the processor time: nothing is looked for, and V8 compiles nothing again. Node 20 cannot keep compiled code
 * by itself, so `load.js` gives it to V8.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Loads the file that has all, with its compiled code if that is there already. `v8Flags` are those that the code was compiled with. */
const load = (v8Flags) => `const { existsSync, readFileSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { constants, Script } = require('node:vm');
for (const flag of ${JSON.stringify(v8Flags)}) setFlagsFromString(flag);
const path = __dirname + '/protogate.cjs';
const kept = path + '.compiled';
const text = readFileSync(path, 'latin1');
const script = new Script('(function (exports, require, module) {' + text + '\\n})', {
  filename: path,
  cachedData: existsSync(kept) ? readFileSync(kept) : undefined,
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(exports, require, module);
module.exports.keep = () => require('node:fs').writeFileSync(kept, script.createCachedData());
`;

/** Serves until it gets SIGTERM, and then keeps what was compiled for that. */
const SERVE_AND_KEEP = `const { main, keep } = require('./load.js');
main(['serve', '--config', 'protogate.yaml']).then(keep);`;

const CONFIG = `version: 1
schema: { protos: [${JSON.stringify(resolve('protos/demo'))}] }
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { grace: 0s }
upstreams: { none: { target: '127.0.0.1:1' } }
`;

/**
 * Returns the path of the module that has `main`. `folder` is as deep below the root of the package as the folders of
 * `dist/src`. `external` names the packages that stay outside.
 */
export async function writeStartedCommand(out, folder, external, v8Flags) {
  const dir = resolve(folder);
  mkdirSync(dir, { recursive: true });
  /** All modules are in one file, but each looks for others beside its own. */
  const asInFolder = {
    name: 'as-in-folder',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].*\.js$/ }, ({ path }) => {
        const url = JSON.stringify(pathToFileURL(resolve(dir, basename(path))).href);
        return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url) };
      });
    },
  };
  const options = {
    bundle: true,
    format: 'cjs',
    platform: 'node',
    minifyWhitespace: true,
    external,
    plugins: [asInFolder],
  };
  const [main, worker] = ['cli/main.js', 'process/worker-start.js'].map((path) => resolve(out, 'src', path));
  await build({
    ...options,
    stdin: {
      contents: `export { main } from ${JSON.stringify(main)}; export const work = () => import(${JSON.stringify(worker)});`,
      resolveDir: dir,
    },
    outfile: `${dir}/protogate.cjs`,
  });
  // These run in threads.
  const threads = { pulse: `${out}/src/process/pulse.js`, 'parse-worker': `${out}/src/schema/parse-worker.js` };
  await build({ ...options, entryPoints: threads, outdir: dir });
  writeFileSync(`${dir}/package.json`, '{ "type": "commonjs" }\n');
  writeFileSync(`${dir}/protogate.yaml`, CONFIG);
  writeFileSync(`${dir}/load.js`, load(v8Flags));
  writeFileSync(`${dir}/main.js`, "exports.main = require('./load.js').main;\n");
  writeFileSync(`${dir}/worker-start.js`, "require('./load.js').work();\n");
  await keepCompiled(dir);
  return `${dir}/main.js`;
}

async function keepCompiled(cwd) {
  const child = spawn(process.execPath, ['-e', SERVE_AND_KEEP], { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('listening on ')) child.kill('SIGTERM');
  });
  const [code] = await ended;
  if (code !== 0) throw new Error(`the command line of the tests: expected it to serve and to end with 0, got ${code}`);
}

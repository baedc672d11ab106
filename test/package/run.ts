/**
 * Packs the package, installs it into an empty folder as a user would, and tries it there: the commands, the demo, the
 * links of its pages, and its types in a strict TypeScript project that checks libraries too and has installed no types of
 * its own, with the compiler of this repository and with TypeScript 5. It needs the npm registry.
 *
 *     node dist/test/package/run.js
 *
 * Prints a line for each fact; the exit code is 1 if one does not hold.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { LIBRARY } from '../support/protos.js';
import { ROOT } from '../support/run.js';
import { LOADING } from './loading.js';
import { PROJECT, SAMPLE } from './typescript.js';

const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];
const folder = await mkdtemp(join(tmpdir(), 'protogate-package-'));
const installed = join(folder, 'node_modules/protogate');
const bin = join(folder, 'node_modules/.bin');
let failed = 0;
try {
  await install();
  await fact('npx protogate has every command', commands);
  await fact('npx protogate check, routes and explain work with own protos', ownProtos);
  await fact('the library answers a request, and loads nothing that only traces need', library);
  await fact('its code is in few files', fewFiles);
  await fact('no request waits for a module that is loaded', loading);
  await fact('YAML is only loaded if there is a config file', lateYaml);
  await fact('npx protogate demo serves, and ends on SIGTERM', demo);
  await fact('every relative link of its pages resolves inside of it', links);
  await fact('it has no install script', noInstallScript);
  await fact('the README’s TypeScript and all public types compile in a strict project', () => compile(ROOT));
  execFileSync('npm', ['install', ...QUIET, '--save-dev', 'typescript@5'], { cwd: folder, stdio: 'pipe' });
  await fact('… and with TypeScript 5', () => compile(folder));
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

async function fact(name: string, holds: () => void | Promise<void>): Promise<void> {
  try {
    await holds();
    console.log(`✔ ${name}`);
  } catch (error) {
    failed++;
    console.log(`✘ ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

async function install(): Promise<void> {
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  execFileSync('npm', pack, { cwd: ROOT, stdio: 'pipe' });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  execFileSync('npm', ['install', ...QUIET, `./${tarball}`], { cwd: folder, stdio: 'pipe' });
  await mkdir(join(folder, 'protos'));
  await writeFile(join(folder, 'protos/library.proto'), LIBRARY);
}

/** Runs `npx protogate` in the user's folder, without asking the registry. */
function protogate(...args: readonly string[]): string {
  return execFileSync('npx', ['--no-install', 'protogate', ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

function commands(): void {
  const help = protogate('--help');
  for (const name of ['serve', 'routes', 'check', 'explain', 'openapi', 'config-schema', 'keygen', 'demo'])
    require(new RegExp(`^ +${name} `, 'm').test(help), `${name} is not in:\n${help}`);
  const { version } = manifestOf(installed);
  require(protogate('--version').trim() === version, `expected the version ${version}`);
}

function ownProtos(): void {
  protogate('check', '--protos', 'protos');
  require(protogate('routes', '--protos', 'protos').includes('/v1/{name=shelves/*}'), 'a route is missing');
  require(protogate('explain', 'GET', '/v1/shelves/7', '--protos', 'protos').includes('shelves/7'), 'no explanation');
}

function library(): void {
  const script = `
    import { createGateway } from 'protogate';
    import { createServer } from 'node:http';
    import { createRequire } from 'node:module';
    const upstreams = { library: { target: '127.0.0.1:1', services: ['*'] } };
    const gateway = await createGateway({ version: 1, schema: { protos: ['protos'] }, upstreams });
    const server = createServer(gateway.callback()).listen(0, '127.0.0.1', async () => {
      const { status } = await fetch('http://127.0.0.1:' + server.address().port + '/v1/shelves/7');
      const loaded = Object.keys(createRequire(import.meta.url).cache).join(' ').match(/@opentelemetry.[a-z-]+/g);
      process.stdout.write([status, ...new Set(loaded)].join(' '));
      process.exit();
    });`;
  const found = runScript(script);
  // 503, because no server runs. prom-client loads OpenTelemetry's API.
  require(found === '503 @opentelemetry/api', `expected 503 and no package but @opentelemetry/api, got ${found}`);
}

/** Runs a program of the user, and returns what it prints. */
function runScript(script: string): string {
  const args = ['--input-type=module', '-e', script];
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

function loading(): void {
  const found = runScript(LOADING);
  // 503, because no server runs: the token was accepted.
  const expected = JSON.stringify({ status: 503, later: [], missing: [] });
  require(found === expected, `expected ${expected}, got ${found}`);
}

/** Lists the modules that a command has loaded when it ends. */
async function lateYaml(): Promise<void> {
  const listing = join(folder, 'loaded.cjs');
  const list = "process.on('exit', () => console.error(Object.keys(require.cache).join(' ')));";
  await writeFile(listing, list);
  await writeFile(join(folder, 'late.yaml'), 'version: 1\nupstreams: { library: { target: 127.0.0.1:1 } }\n');
  for (const [flags, expected] of [
    [[], false],
    [['-c', 'late.yaml'], true],
  ] as const) {
    const args = ['-r', listing, join(installed, 'bin/protogate.js'), 'check', '--protos', 'protos', ...flags];
    const { stderr, status } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    require(status === 0, `check ${flags.join(' ')} failed:\n${stderr}`);
    const loads = stderr.includes('/node_modules/yaml/');
    require(loads === expected, `expected that yaml is ${expected ? '' : 'not '}loaded by check ${flags.join(' ')}`);
  }
}

function fewFiles(): void {
  const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' });
  const scripts = files.filter((name) => name.endsWith('.js'));
  require(scripts.length < 100, `expected less than 100 files of JavaScript, got ${scripts.length}`);
}

async function demo(): Promise<void> {
  const child = spawn(join(bin, 'protogate'), ['demo', '--port', '0', '--admin-port', '0'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  try {
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
      closed.then(([code]) => `it ended with ${code}`),
    ]);
    const url = /http:\/\/[^\s]+:\d+/.exec(line)?.[0];
    require(url !== undefined, `expected an address, got '${line}'`);
    const answer = await fetch(`${url}/v1/customers/ada`);
    require(answer.status === 200, `expected 200, got ${answer.status}: ${await answer.text()}`);
  } finally {
    child.kill('SIGTERM');
  }
  const [code] = await closed;
  require(code === 0, `expected the exit code 0, got ${code}`);
}

function links(): void {
  const pages = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.md') && !name.includes('node_modules'),
  );
  require(pages.includes('README.md') && pages.length > 20, `only ${pages.length} pages`);
  const broken = pages.flatMap((page) =>
    linksOf(readFileSync(join(installed, page), 'utf8'))
      .filter((target) => !existsSync(join(installed, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  require(broken.length === 0, broken.join('\n'));
}

/** Returns the files that a page links to, without fragments. Links to the web and into the same page are left out. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target.replace(/#.*/, ''));
  return targets.filter((target) => target !== '' && !/^[a-z]+:/i.test(target));
}

function noInstallScript(): void {
  const { scripts = {} } = manifestOf(installed);
  const found = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => scripts[name] !== undefined);
  require(found.length === 0, `found ${found}`);
  require(!existsSync(join(installed, 'binding.gyp')), 'found a binding.gyp, for which npm runs node-gyp');
}

async function compile(compilerOf: string): Promise<void> {
  const [, readme = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(installed, 'README.md'), 'utf8')) ?? [];
  require(readme.includes("from 'protogate'"), 'expected a TypeScript sample in the README');
  await writeFile(join(folder, 'readme.ts'), readme);
  await writeFile(join(folder, 'sample.ts'), SAMPLE);
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(PROJECT));
  const tsc = join(compilerOf, 'node_modules/typescript/bin/tsc');
  require(statSync(tsc).isFile(), `expected a compiler at ${tsc}`);
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout);
  }
}

function manifestOf(path: string): { readonly version: string; readonly scripts?: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
}

function require(isSo: boolean, problem: string): void {
  if (!isSo) throw new Error(problem);
}

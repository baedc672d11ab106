/**
 * The interop suite: starts a gRPC server in Go and one in Python, puts `protogate serve` in front of each with nothing
 * but the proto, sends both the same HTTP requests (`requests.ts`) and compares the answers with what is expected.
 *
 *     node dist/test/interop/run.js [go] [python]
 *
 * Prints `N passed, N failed`; exit code 1 if anything failed. A language that is not installed is skipped, loudly; with
 * CI=true that is a failure.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { INTEROP_CASES, type InteropCase } from './requests.js';

const ROOT = rootFolder();
const HERE = join(ROOT, 'test/interop');
const CACHE = join(ROOT, '.cache');
const IMPORTS = [HERE, join(ROOT, 'protos')];
const PYTHON = join(CACHE, 'interop-python/bin/python');

interface Language {
  /** The command that must be there. */
  readonly needs: readonly string[];
  /** Commands that make the server ready to start, in order. */
  prepare(): readonly (readonly string[])[];
  readonly serve: readonly string[];
}

const LANGUAGES = new Map<string, Language>([
  [
    'go',
    {
      needs: ['go', 'version'],
      prepare: () => [['go', 'build', '-C', join(HERE, 'go'), '-o', join(CACHE, 'interop-go'), '.']],
      serve: [join(CACHE, 'interop-go'), ...IMPORTS],
    },
  ],
  [
    'python',
    {
      needs: ['python3', '--version'],
      prepare: () => {
        if (spawnSync(PYTHON, ['-c', 'import grpc, grpc_status, grpc_tools']).status === 0) return [];
        const install = [PYTHON, '-m', 'pip', 'install', '--quiet', '-r', join(HERE, 'python/requirements.txt')];
        return [['python3', '-m', 'venv', join(CACHE, 'interop-python')], install];
      },
      serve: [PYTHON, join(HERE, 'python/server.py'), ...IMPORTS],
    },
  ],
]);

const wanted = process.argv.slice(2);
const children: ChildProcess[] = [];
let passed = 0;
let failed = 0;
try {
  for (const [name, language] of LANGUAGES) {
    if (wanted.length === 0 || wanted.includes(name)) await runLanguage(name, language);
  }
} finally {
  for (const child of children) child.kill();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runLanguage(name: string, { needs, prepare, serve }: Language): Promise<void> {
  const [command = '', ...args] = needs;
  if (spawnSync(command, args).status !== 0) {
    console.error(`SKIPPED: ${name}: \`${needs.join(' ')}\` does not run here`);
    if (process.env.CI === 'true') failed++;
    return;
  }
  try {
    for (const step of prepare()) run(name, step);
    const target = await start(`${name} server`, serve);
    const gate = ['serve', '--protos', HERE, '--upstream', target, '--port', '0', '--admin-port', '0'];
    const address = await start('gateway', [process.execPath, join(ROOT, 'bin/protogate.js'), ...gate]);
    for (const expected of INTEROP_CASES) await check(name, `http://${address}`, expected);
  } catch (error) {
    failed++;
    console.error(`FAILED: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function check(language: string, origin: string, expected: InteropCase): Promise<void> {
  const [method = '', path = ''] = expected.request.split(' ');
  const response = await fetch(origin + path, {
    method,
    headers: { ...(expected.body === undefined ? {} : { 'content-type': 'application/json' }), ...expected.headers },
    ...(expected.body === undefined ? {} : { body: JSON.stringify(expected.body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  const wrong = differences(expected, response, text);
  if (wrong.length === 0) {
    passed++;
    return;
  }
  failed++;
  console.error(`FAILED: ${language}: ${expected.name}: ${expected.request}`);
  for (const line of wrong) console.error(`  ${line}`);
}

function differences(
  { status, json, responseHeaders = {}, never }: InteropCase,
  response: Response,
  text: string,
): string[] {
  const wrong: string[] = [];
  if (response.status !== status)
    wrong.push(`status: expected ${status}, got ${response.status} ${text.slice(0, 500)}`);
  else if (json !== undefined && !isDeepStrictEqual(parse(text), json)) {
    wrong.push(`body: expected ${JSON.stringify(json)}`, `          got ${text.slice(0, 1000)}`);
  }
  for (const [name, value] of Object.entries(responseHeaders)) {
    const got = response.headers.get(name);
    if (got !== value) wrong.push(`${name}: expected ${value}, got ${got}`);
  }
  if (never?.test(text + JSON.stringify([...response.headers])))
    wrong.push(`expected nothing like ${never}, got ${text}`);
  return wrong;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function run(name: string, [command = '', ...args]: readonly string[]): void {
  console.error(`${name}: ${[command, ...args].join(' ').replaceAll(`${ROOT}/`, '')}`);
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ended with ${error?.message ?? status}`);
}

/** Starts a process and returns the `HOST:PORT` of the line `listening on …` that it prints. */
function start(name: string, [command = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name}: ${why}\n${said.trimEnd()}`));
    const timer = setTimeout(() => fail('is not listening after 30 s'), 30_000);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code} before it listened`));
    createInterface(child.stdout).on('line', (line) => {
      const address = /^listening on (?:http:\/\/)?([\w.:-]+:\d+)/.exec(line)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      console.error(`${name}: ${line}`);
      resolve(address);
    });
  });
}

function rootFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

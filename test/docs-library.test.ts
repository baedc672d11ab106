/** The TypeScript samples of docs/library.md: the compiler takes them all, and each does what the page says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { Gateway, StatusError } from '../src/index.js';
import { afterAll, sendTo } from './support/gateway.js';
import { parsePage } from './support/pages.js';
import { freePort } from './support/ports.js';
import { LIBRARY } from './support/protos.js';
import { ROOT } from './support/run.js';
import { startUpstream, type TestUpstream } from './support/upstream.js';

const run = promisify(execFile);
const path = 'docs/library.md';
const page = parsePage(path, readFileSync(join(ROOT, path), 'utf8'));
const samples = page.blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
const all = afterAll(test);
/** The build that this file is a part of. */
const index = new URL('../src/index.js', import.meta.url);
let folder: string;
let upstream: TestUpstream;
let port: number;

test.before(async () => {
  upstream = await startUpstream(LIBRARY, { GetShelf: { message: { theme: 'x' } } });
  all.teardown(() => upstream.close());
  port = await freePort();
  folder = await mkdtemp(join(tmpdir(), 'protogate-library-'));
  all.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'protos'));
  await writeFile(join(folder, 'protos/library.proto'), LIBRARY);
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [number, text] of samples.entries()) {
    const own = text
      .replace('127.0.0.1:50051', upstream.target)
      .replace('listen(8080)', `listen(${port}, '127.0.0.1')`)
      .replace("'protos'", JSON.stringify(join(folder, 'protos')))
      // Log lines would only be noise in the output of the tests.
      .replace('version: 1,', 'version: 1, log: { sample: 0 },')
      .replaceAll('console.log(', '((..._: unknown[]) => {})(');
    await writeFile(join(folder, `sample-${number}.ts`), own);
  }
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2023'], types: ['node'], strict: true, skipLibCheck: true },
    ...{ outDir: 'out', rootDir: '.', paths: { protogate: [index.pathname.replace(/\.js$/, '.d.ts')] } },
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: names('.ts') }));
  const compiler = join(ROOT, 'node_modules/.bin/tsc');
  await run(compiler, ['-p', folder]).catch(({ stdout }) => {
    throw new Error(`${path}: ${stdout}`);
  });
});

function names(extension: string): string[] {
  return samples.map((_, number) => `sample-${number}${extension}`);
}

/** Runs a sample; what it exports. */
async function load<T>(number: number): Promise<T> {
  const file = join(folder, 'out', `sample-${number}.js`);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace("from 'protogate'", `from ${JSON.stringify(index.href)}`));
  return (await import(pathToFileURL(file).href)) as T;
}

interface Teardown {
  teardown(task: () => void | Promise<void>): void;
}

async function listening(t: Teardown, handle: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => new Promise((resolve) => void server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.serial('the smallest example serves, and SIGTERM ends it', async (t) => {
  await load(0);
  const url = `http://127.0.0.1:${port}`;
  t.deepEqual((await sendTo(url, 'GET', '/v1/shelves/7')).json, { theme: 'x' });
  process.emit('SIGTERM');
  await t.throwsAsync(sendTo(url, 'GET', '/v1/shelves/7'));
});

test.serial('in a Koa app the gateway answers its paths, and the app all others', async (t) => {
  const { gateway, app } = await load<{ gateway: Gateway; app: { callback(): Parameters<typeof createServer>[1] } }>(1);
  t.teardown(() => gateway.close());
  const url = await listening(t, app.callback());
  t.deepEqual((await sendTo(url, 'GET', '/v1/shelves/7')).json, { theme: 'x' });
  t.is((await sendTo(url, 'GET', '/other')).text, 'another page of the app');
});

test.serial('middleware sees requests, and a StatusError that it throws is the answer', async (t) => {
  const { gateway, closeShop } = await load<{ gateway: Gateway; closeShop(): void }>(2);
  t.teardown(() => gateway.close());
  const url = await listening(t, gateway.callback());
  t.is((await sendTo(url, 'GET', '/v1/shelves/7')).status, 200);
  closeShop();
  const { status, json } = await sendTo(url, 'GET', '/v1/shelves/7');
  t.is(status, 503);
  t.is(json.message, 'closed until tomorrow');
});

test.serial('an interceptor adds metadata, and refuses calls', async (t) => {
  const { gateway } = await load<{ gateway: Gateway }>(3);
  t.teardown(() => gateway.close());
  const url = await listening(t, gateway.callback());
  t.is((await sendTo(url, 'GET', '/v1/shelves/7')).status, 200);
  t.deepEqual(upstream.last().metadata.get('x-region'), ['eu']);
  const calls = upstream.calls.length;
  t.is((await sendTo(url, 'DELETE', '/v1/shelves/7/books/1')).status, 403);
  t.is(upstream.calls.length, calls);
});

test.serial('a StatusError has what its options say', async (t) => {
  const { error } = await load<{ error: StatusError }>(4);
  t.is(error.httpStatus, 409);
  t.deepEqual(error.headers, { 'x-hint': 'close an order first' });
  t.is(samples.length, 5);
});

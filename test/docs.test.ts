/** Runs the README's samples as they are written: its commands, its config, its TypeScript. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createGateway } from '../src/index.js';
import { sendTo } from './support/gateway.js';
import { LIBRARY } from './support/protos.js';
import { protogate, ROOT, serving } from './support/run.js';
import { startUpstream } from './support/upstream.js';

const README = await readFile(join(ROOT, 'README.md'), 'utf8');
const shell = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, text = '']) => text.trim().split('\n'));
const yaml = /```yaml\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
const typescript = /```ts\n([\s\S]*?)```/.exec(README)?.[1] ?? '';

/** Returns the arguments of a line such as `npx protogate routes --protos protos   # comment`. */
function argumentsOf(line: string): string[] {
  const [command = ''] = line.split(/\s+#/);
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '').slice(2);
}

async function project(t: { teardown(task: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-readme-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'protos'));
  await writeFile(join(folder, 'protos/library.proto'), LIBRARY);
  await writeFile(join(folder, 'protogate.yaml'), yaml);
  return folder;
}

test('the two commands of the README are scripts of the package', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  t.true(shell.some((line) => line.startsWith('npm ci && npm run demo')));
  t.true(shell.some((line) => line.startsWith('npm ci && npm test')));
  t.truthy(scripts.demo);
  t.truthy(scripts.test);
});

for (const line of shell.filter((text) => /^npx protogate (routes|check|explain)/.test(text))) {
  test(`README: ${line}`, async (t) => {
    const { exitCode, stderr, stdout } = await protogate(argumentsOf(line), { cwd: await project(t) });
    t.is(exitCode, 0, stderr + stdout);
  });
}

for (const line of shell.filter((text) => /^npx protogate serve/.test(text) && !text.includes('descriptor-set'))) {
  test.serial(`README: ${line}`, async (t) => {
    const cwd = await project(t);
    const args = [...argumentsOf(line), '--port', '0', '--admin-port', '0'];
    const server = await serving(args, { cwd });
    t.regex(server.line, /^listening on http:\/\/127\.0\.0\.1:\d+: \d+ routes of 1 service$/);
    t.is((await sendTo(server.url, 'GET', '/nowhere')).status, 404);
    t.is(await server.stop(), 0);
  });
}

test('README: the auth sample, with the key that keygen makes and the proto sample, has nothing to complain about', async (t) => {
  const cwd = await project(t);
  const [, auth = ''] = [...README.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
  const [, sample = ''] = /```proto\n(import "protogate[\s\S]*?)```/.exec(README) ?? [];
  await writeFile(join(cwd, 'protogate.yaml'), `${yaml}${auth}`);
  const [imports = '', rpc = ''] = sample.split('\n\n', 2);
  const messages = 'message GetOrderRequest { string customer = 1; string id = 2; } message Order {}';
  const head = `syntax = "proto3"; package shop.v1; import "google/api/annotations.proto"; ${imports}`;
  await writeFile(join(cwd, 'protos/orders.proto'), `${head} service Orders { ${rpc} } ${messages}`);
  const keygen = shell.find((line) => line.includes('keygen')) ?? '';
  const { stdout } = await protogate(argumentsOf(keygen.replace(/>>.*/, '')), { cwd });
  await writeFile(join(cwd, 'keys.yaml'), `keys:\n${stdout}`);
  const checked = await protogate(['check', '--config', 'protogate.yaml'], { cwd });
  t.is(checked.exitCode, 0, checked.stdout);
  t.is(checked.stdout, '');
});

test('README: the TypeScript sample serves', async (t) => {
  const cwd = await project(t);
  const upstream = await startUpstream(LIBRARY, { GetShelf: { message: { theme: 'x' } } });
  t.teardown(upstream.close);
  const folder = join(cwd, 'node_modules');
  await mkdir(folder);
  await symlink(ROOT, join(folder, 'protogate'));
  // The sample runs as written, except for the ports.
  const source = typescript
    .replace('127.0.0.1:50051', upstream.target)
    .replace('.listen(8080)', '.listen(0, "127.0.0.1", function () { console.log(this.address().port); })')
    .replace("'protogate'", JSON.stringify(new URL('../src/index.js', import.meta.url).href));
  await writeFile(join(cwd, 'sample.mjs'), source);
  const child = spawn(process.execPath, ['sample.mjs'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill());
  const port = await new Promise<string>((resolve) => child.stdout.on('data', (data) => resolve(String(data).trim())));
  t.deepEqual((await sendTo(`http://127.0.0.1:${port}`, 'GET', '/v1/shelves/7')).json, { theme: 'x' });
});

test('createGateway: callback, own middleware, interceptors, close', async (t) => {
  const cwd = await project(t);
  const upstream = await startUpstream(LIBRARY);
  t.teardown(upstream.close);
  const seen: string[] = [];
  const saying = (name: string) => async (_ctx: unknown, next: () => Promise<void>) => {
    seen.push(name);
    await next();
  };
  const gateway = await createGateway({
    version: 1,
    schema: { protos: [join(cwd, 'protos')] },
    upstreams: { library: { target: upstream.target } },
    log: { sample: 0 },
    middleware: {
      beforeMatch: [saying('beforeMatch')],
      afterAuth: [saying('afterAuth')],
    },
    interceptors: [
      (next) => (request) => {
        seen.push(`call ${request.method.path}`);
        return next(request);
      },
    ],
  });
  const server = createServer(gateway.callback()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  t.is((await sendTo(`http://127.0.0.1:${port}`, 'GET', '/v1/shelves/7')).status, 200);
  t.deepEqual(seen, ['beforeMatch', 'afterAuth', 'call /library.v1.Library/GetShelf']);
  server.close();
  await gateway.close();
});

test('createGateway refuses what has errors, with its diagnostics', async (t) => {
  const error = await t.throwsAsync(createGateway({ version: 1, schema: { protos: ['/nowhere'] } }));
  t.regex(error?.message ?? '', /\/nowhere: error: .* \[schema-root\]/);
  await t.throwsAsync(createGateway({ version: 1, listen: { port: -1 } }), { message: /listen\.port/ });
});

/** Runs the README's samples as they are written: its picture, its commands, its config, its TypeScript. The commands of
 * CONTRIBUTING.md are scripts of the package. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createGateway } from '../src/index.js';
import { sendTo, type Teardown } from './support/gateway.js';
import { readPages } from './support/pages.js';
import { protogate, ROOT, serving } from './support/run.js';
import { startUpstream } from './support/upstream.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Returns the blocks of a language, in their order. Blocks in a list are indented. */
function blocks(language: string): string[] {
  const found = README.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'));
  return [...found].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

const shell = blocks('sh').flatMap((text) => text.trim().split('\n'));
const [proto = ''] = blocks('proto');
const [yaml = ''] = blocks('yaml');
const [typescript = ''] = blocks('ts');
/** The commands of the picture, each with its output. */
const picture = (blocks('console')[0] ?? '').split(/^\$ /m).slice(1);
const SHELF = { GetShelf: { message: { name: 'shelves/poetry', theme: 'Poetry', book_count: 12 } } };

/** Returns the arguments of a line such as `npx protogate routes --protos protos   # comment`. */
function argumentsOf(line: string): string[] {
  const [command = ''] = line.split(/\s+(?:#|>>)/);
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '').slice(2);
}

async function project(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-readme-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'protos'));
  await writeFile(join(folder, 'protos/library.proto'), proto);
  await writeFile(join(folder, 'protogate.yaml'), yaml);
  return folder;
}

/** Starts the README's server with the address of a real upstream, on ports of its own. */
async function serve(t: Teardown, line: string, cwd: string) {
  const upstream = await startUpstream(proto, SHELF);
  t.teardown(upstream.close);
  const args = argumentsOf(line).map((word) => word.replace('127.0.0.1:50051', upstream.target));
  if (args.includes('--config')) {
    await writeFile(join(cwd, 'protogate.yaml'), yaml.replace('127.0.0.1:50051', upstream.target));
  }
  return serving([...args, '--port', '0', '--admin-port', '0'], { cwd });
}

test('the README has fewer than 150 lines', (t) => {
  t.true(README.split('\n').length < 150);
});

test('the two commands of the README are scripts of the package', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  t.true(shell.some((line) => line.startsWith('npm ci && npm run demo')));
  t.true(shell.some((line) => line.startsWith('npm ci && npm test')));
  t.truthy(scripts.demo);
  t.truthy(scripts.test);
});

test('each command of npm in CONTRIBUTING.md and all other pages is a script of the package', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const unknown = readPages().flatMap(({ path, text }) =>
    [...text.matchAll(/npm (?:run (?:--silent )?)?(test|(?<=run (?:--silent )?)[\w-]+)/g)].flatMap(
      ([command, name = '']) => (name in scripts ? [] : [`${path}: ${command}`]),
    ),
  );
  t.deepEqual(unknown, []);
});

test('the changelog has Unreleased first, and then the version of the package with its date', async (t) => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8');
  const [unreleased, newest] = [...changelog.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  t.is(unreleased, 'Unreleased');
  t.regex(newest ?? '', /^\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}$/);
  t.true(newest?.startsWith(`${version} - `));
});

for (const line of shell.filter((text) => /^npx protogate (routes|check|explain)/.test(text))) {
  test(`README: ${line}`, async (t) => {
    const { exitCode, stderr, stdout } = await protogate(argumentsOf(line), { cwd: await project(t) });
    t.is(exitCode, 0, stderr + stdout);
  });
}

test.serial('README: the proto of the picture answers the JSON of the picture', async (t) => {
  const [serveAndLine = '', curlAndJson = ''] = picture;
  const [command = '', printed = ''] = serveAndLine.split('\n');
  t.true(shell.includes(command), 'the same command is explained below');
  const server = await serve(t, command, await project(t));
  t.is(server.line.replace(server.url, 'http://127.0.0.1:8080'), printed);
  const [curl = '', json = ''] = curlAndJson.split('\n');
  const answer = await sendTo(server.url, 'GET', curl.replace('curl http://127.0.0.1:8080', ''));
  t.is(answer.text.trim(), json);
  t.is(await server.stop(), 0);
});

test.serial('README: the config demands the key that keygen makes, and limits its caller', async (t) => {
  const cwd = await project(t);
  const keygen = await protogate(argumentsOf(shell.find((line) => line.includes('keygen')) ?? ''), { cwd });
  await writeFile(join(cwd, 'keys.yaml'), `keys:\n${keygen.stdout}`);
  const checked = await protogate(['check', '--config', 'protogate.yaml'], { cwd });
  t.is(checked.stdout, '', 'check has nothing to complain about');
  const server = await serve(t, shell.find((line) => line.includes('serve --config')) ?? '', cwd);
  const [, header = '', path = ''] = /-H '([^:]+): KEY' http:\/\/127\.0\.0\.1:8080(\S+)/.exec(shell.at(-1)!) ?? [];
  t.is((await sendTo(server.url, 'GET', path)).status, 401);
  const key = /^pg_\S+$/m.exec(keygen.stderr)![0];
  const answer = await sendTo(server.url, 'GET', path, { headers: { [header]: key } });
  t.is(answer.json.theme, 'Poetry');
  t.is(answer.headers['ratelimit-limit'], '60');
  t.is(await server.stop(), 0);
});

test('README: the TypeScript sample serves', async (t) => {
  const cwd = await project(t);
  const upstream = await startUpstream(proto, SHELF);
  t.teardown(upstream.close);
  // The sample runs as written, except for the ports.
  const source = typescript
    .replace('127.0.0.1:50051', upstream.target)
    .replace('.listen(8080)', '.listen(0, "127.0.0.1", function () { console.log(this.address().port); })')
    .replace("'protogate'", JSON.stringify(new URL('../src/index.js', import.meta.url).href));
  await writeFile(join(cwd, 'sample.mjs'), source);
  const child = spawn(process.execPath, ['sample.mjs'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill());
  const port = await new Promise<string>((resolve) => child.stdout.on('data', (data) => resolve(String(data).trim())));
  const { json } = await sendTo(`http://127.0.0.1:${port}`, 'GET', '/v1/shelves/poetry');
  t.is(json.theme, 'Poetry');
});

test('createGateway: callback, own middleware, interceptors, close', async (t) => {
  const cwd = await project(t);
  const upstream = await startUpstream(proto);
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

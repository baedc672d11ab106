/** Runs the files of `examples/` as they are; only ports come from the environment. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { findCommand } from './support/commands.js';
import { afterAll, sendTo, type Teardown } from './support/gateway.js';
import { parsePage } from './support/pages.js';
import { startRedis, withoutOwnRedis } from './support/redis.js';
import { ROOT, serving } from './support/run.js';

const run = promisify(execFile);
const EXAMPLES = join(ROOT, 'examples');
const PUBLIC = 'http://127.0.0.1:8080';
const shared = afterAll(test);
const curl = findCommand(['curl'], 'the samples of the examples', 'curl');
/** Runs `task` if curl is installed. */
const withCurl = async (task: () => Promise<void>) => (curl === undefined ? undefined : task());
let backend = '';

test.before(async () => {
  const line = await listening(shared, 'backend/server.mjs', { BACKEND_PORT: '0' });
  backend = line.replace('listening on ', '');
});

/** Starts a script of the examples, which ends with the test. Resolves to the line that says where it listens. */
async function listening(t: Teardown, script: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [join(EXAMPLES, script)], {
    cwd: EXAMPLES,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const closed = once(child, 'close');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await closed;
  });
  const ended = closed.then(() => Promise.reject(new Error(`${script} ended: ${errors}`)));
  ended.catch(() => {});
  return Promise.race([once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)), ended]);
}

/** A line of the README.md of an example: the command, and its comment, which says what it prints. */
interface Line {
  readonly command: string;
  readonly comment: string;
}

/** Returns the lines of the shell sample in the README.md of an example. */
async function linesOf(example: string): Promise<readonly Line[]> {
  const { blocks } = parsePage(example, await readFile(join(EXAMPLES, example, 'README.md'), 'utf8'));
  const text = blocks.map((block) => (block.language === 'sh' ? block.text : '')).join('');
  return text
    .replaceAll('\\\n', '')
    .trim()
    .split('\n')
    .map((line) => {
      const [command = '', comment = ''] = line.split(/ +# /);
      return { command, comment };
    });
}

/** Runs each `curl` of the lines at `urls`, which replace the addresses in them, and checks that it prints its comment. */
async function requireAsWritten(
  t: ExecutionContext,
  lines: readonly Line[],
  urls: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  for (const { command, comment } of lines.filter(({ command: text }) => text.startsWith('curl '))) {
    const real = Object.entries(urls).reduce((text, [from, to]) => text.replace(from, to), command);
    const { stdout } = await run('bash', ['-c', real.replace('curl ', 'curl -s ')], {
      env: { ...process.env, ...env },
    });
    const [, status, header, json] = /^(?:(\d{3})\b|([\w-]+: \d+)|.*?(\{.*\}))?/.exec(comment)!;
    if (status !== undefined) t.true(stdout.startsWith(`HTTP/1.1 ${status} `), `${command}: ${stdout}`);
    t.true(stdout.includes(header ?? json ?? ''), `${command}: ${stdout}`);
  }
}

/** Returns the config of the `protogate serve` in the lines. */
function configIn(lines: readonly Line[]): string {
  const [, config = ''] =
    lines.map(({ command }) => /protogate serve --config (\S+)/.exec(command)).find(Boolean) ?? [];
  return config;
}

/** Starts `protogate serve` with the config of an example. */
async function serve(t: Teardown, config: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { url, stop } = await serving(['serve', '--config', config], {
    cwd: EXAMPLES,
    env: { BACKEND: backend, PORT: '0', ADMIN_PORT: '0', ...env },
  });
  t.teardown(async () => void (await stop()));
  return url;
}

test('the Koa app answers its own page, and the gateway the routes of the proto', async (t) => {
  const line = await listening(t, 'koa/app.mjs', { BACKEND: backend, PORT: '0' });
  const url = line.replace('listening on ', '');
  const room = await sendTo(url, 'GET', '/v1/rooms/7');
  t.deepEqual(room.json, { name: 'rooms/7', beds: 2 });
  t.is(room.headers['x-app'], 'hotel', 'the middleware of the app has run');
  t.is((await sendTo(url, 'GET', '/v1/rooms/8')).status, 404);
  t.is((await sendTo(url, 'GET', '/')).text, 'The hotel is open.\n');
  const booked = await sendTo(url, 'POST', '/v1/rooms/7/bookings', { body: { guest: 'Bo', nights: 3 } });
  t.is(booked.json.guest, 'Bo');
  const lines = await linesOf('koa');
  t.is(lines[0]?.command, 'node koa/app.mjs');
  await withCurl(() => requireAsWritten(t, lines, { [PUBLIC]: url }));
});

test('behind a proxy that sends the headers of nginx.conf, each client has its own limit', async (t) => {
  const lines = await linesOf('proxy');
  const gateway = await serve(t, configIn(lines));
  const proxy = await startNginx(t, gateway);
  await withCurl(() => requireAsWritten(t, lines, { 'http://127.0.0.1:8000': proxy }));
  const statuses = async (from: string, forwarded?: string) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    const answers = [1, 2, 3, 4].map(() => getFrom(from, `${proxy}/v1/rooms/7`, headers));
    return (await Promise.all(answers)).sort();
  };
  t.deepEqual(await statuses('127.0.0.2'), [200, 200, 200, 429]);
  t.deepEqual(await statuses('127.0.0.3'), [200, 200, 200, 429], 'another client has a limit of its own');
  t.deepEqual(await statuses('127.0.0.2', '203.0.113.9'), [429, 429, 429, 429], 'a forged header gives no new limit');
});

test('a token opens the routes, and its scope the booking', async (t) => {
  const lines = await linesOf('jwt');
  const JWT_SECRET = lines[0]!.command.split('=')[1]!;
  const url = await serve(t, configIn(lines), { JWT_SECRET });
  const bearer = (...args: string[]) => {
    const env = { ...process.env, JWT_SECRET };
    const token = execFileSync(process.execPath, ['jwt/token.mjs', ...args], { cwd: EXAMPLES, env, encoding: 'utf8' });
    return { headers: { authorization: `Bearer ${token.trim()}` }, body: { guest: 'Ada', nights: 2 } };
  };
  t.is((await sendTo(url, 'GET', '/v1/rooms/7')).status, 401);
  const { headers, body } = bearer();
  t.is((await sendTo(url, 'GET', '/v1/rooms/7', { headers })).status, 200);
  t.is((await sendTo(url, 'POST', '/v1/rooms/7/bookings', { headers, body })).status, 403);
  const clerk = bearer('--sub', 'bo', '--scope', 'bookings.write');
  t.is((await sendTo(url, 'POST', '/v1/rooms/7/bookings', clerk)).status, 200);
  const [, command = ''] = /^TOKEN=\$\(node (.*)\)$/.exec(lines[2]!.command) ?? [];
  const TOKEN = bearer(...command.split(' ').slice(1)).headers.authorization.replace('Bearer ', '');
  await withCurl(() => requireAsWritten(t, lines, { [PUBLIC]: url }, { TOKEN }));
});

test('token.mjs makes a token of another issuer and audience, and names the variable that is not set', (t) => {
  const token = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    spawnSync(process.execPath, ['jwt/token.mjs', ...args], { cwd: EXAMPLES, env, encoding: 'utf8' });
  const made = token({ JWT_SECRET: 'x' }, '--issuer', 'https://id.example', '--audience', 'wards');
  const { iss, aud } = JSON.parse(Buffer.from(made.stdout.split('.')[1]!, 'base64url').toString());
  t.deepEqual([iss, aud], ['https://id.example', 'wards']);
  const { status, stderr } = token({});
  t.is(status, 1);
  t.regex(stderr, /^expected JWT_SECRET in the environment, /);
});

const withRedis = withoutOwnRedis === undefined ? test : test.skip;

withRedis('two gateways with one Redis let five requests pass, whichever gets them', async (t) => {
  const { url: REDIS_URL } = await startRedis(t);
  const lines = await linesOf('two-gateways');
  const gateways = await Promise.all([1, 2].map(() => serve(t, configIn(lines), { REDIS_URL })));
  const seen: unknown[] = [];
  for (let i = 0; i < 6; i++) {
    const { status, headers } = await sendTo(gateways[i % 2]!, 'GET', '/v1/rooms/7');
    seen.push([status, headers['ratelimit-remaining']]);
  }
  t.deepEqual(seen, [
    [200, '4'],
    [200, '3'],
    [200, '2'],
    [200, '1'],
    [200, '0'],
    [429, '0'],
  ]);
});

/** Starts a proxy that sets the headers of examples/proxy/nginx.conf, with nginx's values for its variables. */
async function startNginx(t: Teardown, gateway: string): Promise<string> {
  const config = await readFile(join(EXAMPLES, 'proxy/nginx.conf'), 'utf8');
  const lines = [...config.matchAll(/proxy_set_header (\S+) (\S+);/g)];
  if (lines.length < 4) throw new Error(`nginx.conf: expected four headers, got ${lines.length}`);
  const server = createServer((incoming, answer) => {
    const headers = { ...incoming.headers };
    for (const [, name = '', variable = ''] of lines) {
      const value = nginxValue(variable, incoming);
      // nginx does not send a header whose value is empty.
      if (value === '') delete headers[name.toLowerCase()];
      else headers[name.toLowerCase()] = value;
    }
    const onward = request(gateway + incoming.url, { method: incoming.method, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Returns what nginx puts in the place of a variable. */
function nginxValue(variable: string, { headers, socket }: IncomingMessage): string {
  const forwarded = headers['x-forwarded-for'];
  const address = socket.remoteAddress!;
  const values: Readonly<Record<string, string>> = {
    $http_host: headers.host ?? '',
    $proxy_add_x_forwarded_for: forwarded === undefined ? address : `${forwarded}, ${address}`,
    $http_upgrade: headers.upgrade ?? '',
    $connection_upgrade: headers.upgrade === undefined ? 'close' : 'upgrade',
  };
  const value = values[variable];
  if (value === undefined) throw new Error(`nginx.conf: the test does not know '${variable}'`);
  return value;
}

/** Sends a GET from one of the loopback addresses. Resolves to the status. */
function getFrom(localAddress: string, url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { localAddress, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
}

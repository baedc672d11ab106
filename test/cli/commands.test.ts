/** The command line as users see it: exit codes, the output on stdout and stderr, and real processes for what serves. */
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { protoFolder, sendTo } from '../support/gateway.js';
import { freePort } from '../support/ports.js';
import { LIBRARY, SEARCH } from '../support/protos.js';
import { protogate, protogateAlone, ROOT, serving } from '../support/run.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const STACK = /\n\s+at .*\d+:\d+/;

test('--help of every command shows a real example and exits 0', async (t) => {
  const top = await protogate(['--help']);
  t.is(top.exitCode, 0);
  for (const command of ['serve', 'routes', 'check', 'explain', 'openapi', 'diff', 'config-schema', 'keygen', 'demo']) {
    const { exitCode, stdout } = await protogate([command, '--help']);
    t.is(exitCode, 0, command);
    const [, usage] = /^Usage: protogate (.+)$/m.exec(stdout)!;
    // Commander counts --help as an option only there.
    const listed = command === 'config-schema' ? command : usage!;
    t.true(top.stdout.includes(`\n  ${listed}  `), `${listed} is not in the help of the program`);
    t.is((await protogate(['help', command])).stdout, stdout);
    t.notRegex(stdout, /default: \[\]/, command);
    t.regex(stdout, new RegExp(`Examples?:\\n {2}protogate ${command}`), command);
  }
});

test('a command may stand behind --', async (t) => {
  const { exitCode, stdout } = await protogate(['--', 'config-schema']);
  t.is(exitCode, 0);
  t.regex(stdout, /^\{/);
});

const wrong: readonly (readonly [fact: string, args: readonly string[], exitCode: number, says: RegExp])[] = [
  ['an unknown command', ['sreve'], 2, /unknown command 'sreve'[\s\S]*serve/],
  ['an unknown flag', ['serve', '--prots', 'x'], 2, /unknown option '--prots'[\s\S]*--protos/],
  ['a flag without its value', ['serve', '--protos'], 2, /--protos: expected a value, got none/],
  [
    'a port that is none',
    ['serve', '--protos', 'x', '--port', 'http'],
    2,
    /expected a port from 0 to 65535, got 'http'/,
  ],
  ['a port out of range', ['serve', '--port', '65536'], 2, /expected a port/],
  ['no schema', ['routes'], 2, /no schema is given; give --protos/],
  ['an empty path', ['check', '--protos', ''], 2, /^error: --protos: expected a path, got ''\n$/],
  ['an empty config', ['serve', '-c', ''], 2, /^error: --config: expected a path, got ''\n$/],
  [
    'an argument too many',
    ['check', 'x'],
    2,
    /^error: unexpected argument 'x'; give a folder of protos as --protos DIR\n$/,
  ],
  ['an argument that no flag is for', ['config-schema', 'x'], 2, /^error: unexpected argument 'x'\n$/],
  ['a config that is a folder', ['check', '-c', '/'], 1, /^\/: error: expected a file, got a folder \[config-file\]$/m],
  ['an unknown format', ['routes', '--protos', 'x', '--format', 'xml'], 2, /table, json, markdown/],
  ['a folder that is nowhere', ['check', '--protos', '/nowhere'], 1, /\/nowhere/],
  ['a config file that is nowhere', ['check', '-c', '/nowhere.yaml'], 1, /\/nowhere\.yaml/],
  [
    'an empty upstream',
    ['check', '--protos', 'x', '--upstream', ''],
    2,
    /--upstream: expected \[NAME\|SELECTOR=\]TARGET, got ''/,
  ],
  [
    'a bad target',
    ['serve', '--protos', 'x', '--upstream', 'orders'],
    2,
    /--upstream: expected HOST:PORT.*got 'orders'/,
  ],
  [
    'two upstreams without a name',
    ['serve', '--protos', 'x', '--upstream', 'a:1', '--upstream', 'b:1'],
    2,
    /--upstream: expected one target without a selector, got two; give the others as SELECTOR=TARGET\n$/,
  ],
  [
    'an upstream for neither a name nor a selector',
    ['serve', '--protos', 'x', '--upstream', 'shop/v1=a:1'],
    2,
    /--upstream: expected a selector of services \(shop\.v1\.Orders, billing\.v1\.\*\) before '=', got 'shop\/v1'\n$/,
  ],
  [
    'explain with method and path in the wrong order',
    ['explain', '/v1/a', 'GET'],
    2,
    /got 'GET'; did you mean protogate explain GET \/v1\/a\?\n$/,
  ],
  [
    'explain with a URL',
    ['explain', 'GET', 'http://127.0.0.1:8080/v1/a?b=1'],
    2,
    /; did you mean protogate explain GET \/v1\/a\?b=1\?\n$/,
  ],
  [
    'explain with a space in the path',
    ['explain', 'GET', '/v1/a b'],
    2,
    /expected %20 instead of each space, got '\/v1\/a b'/,
  ],
  ['explain without any route', ['explain', 'GET', '/v1/a', '--protos', '/nowhere'], 1, /^\/nowhere: error: [^\n]*\n$/],
  [
    'a connection check without an upstream',
    ['check', '--connect', '--protos', join(ROOT, 'protos/demo')],
    2,
    /--connect: expected an upstream to connect to, got none; give --upstream HOST:PORT\n$/,
  ],
  [
    'a .proto file as a descriptor set',
    ['check', '--descriptor-set', join(ROOT, 'protos/protogate/v1/annotations.proto')],
    1,
    /expected a FileDescriptorSet, such as buf build -o FILE writes, got another file \(.*\); give the folder of \.proto files/,
  ],
  [
    'a descriptor set that is nowhere',
    ['check', '--descriptor-set', '/nowhere'],
    1,
    /^\/nowhere: error: expected a file, found none/m,
  ],
  [
    'explain without a path',
    ['explain', 'GET'],
    2,
    /^error: path: expected a path after the method, got none; for example protogate explain GET \/v1\/shelves\/7\n$/,
  ],
  [
    'explain without a method',
    ['explain', '/v1/a?b=1'],
    2,
    /^error: method: expected an HTTP method before the path, got none; did you mean protogate explain GET \/v1\/a\?b=1\?\n$/,
  ],
  [
    'explain with a URL alone',
    ['explain', 'http://127.0.0.1:8080/v1/a'],
    2,
    /did you mean protogate explain GET \/v1\/a\?\n$/,
  ],
  [
    'explain with a path without its first slash',
    ['explain', 'GET', 'v1/a'],
    2,
    /got 'v1\/a'; did you mean protogate explain GET \/v1\/a\?\n$/,
  ],
  [
    'explain with two paths',
    ['explain', '/v1/a', '/v1/b'],
    2,
    /^error: method: expected an HTTP method such as GET, got '\/v1\/a'\n$/,
  ],
];
for (const [fact, args, exitCode, says] of wrong) {
  test(`${fact}: exit ${exitCode}, a clear line, no stack trace`, async (t) => {
    const result = await protogate(args);
    t.is(result.exitCode, exitCode, result.stderr);
    t.regex(result.stderr + result.stdout, says);
    t.notRegex(result.stderr + result.stdout, STACK);
  });
}

for (const [exitCode, args] of [
  [0, ['config-schema']],
  [1, ['check', '--protos', '/nowhere']],
  [2, ['routes']],
] as const) {
  test(`a process of its own ends with ${exitCode} and says what the others say: ${args[0]}`, async (t) => {
    const alone = await protogateAlone(args);
    t.is(alone.exitCode, exitCode);
    t.deepEqual(alone, await protogate(args));
  });
}

test('routes --format json has the documented fields', async (t) => {
  const folder = await protoFolder(t, { 'library/v1/library.proto': LIBRARY });
  const { exitCode, stdout } = await protogate(['routes', '--protos', folder, '--format', 'json']);
  t.is(exitCode, 0);
  const rows = JSON.parse(stdout);
  t.deepEqual(rows[0], {
    method: 'GET',
    path: '/v1/{name=shelves/*}',
    rpc: 'library.v1.Library/GetShelf',
    binding: 0,
    body: '',
    responseBody: '',
    streaming: 'unary',
    surface: 'default',
    policy: { access: 'public' },
    policyOrigins: {},
    upstream: null,
    onFailure: [],
    source: { file: 'library/v1/library.proto', line: 8 },
  });
  const create = rows.filter((row: { rpc: string }) => row.rpc.endsWith('/CreateBook'));
  t.deepEqual(
    create.map((row: { binding: number; body: string }) => [row.binding, row.body]),
    [
      [0, 'book'],
      [1, '*'],
      [2, 'tags'],
      [3, 'labels'],
      [4, 'copies'],
    ],
  );
});

test('routes prints an aligned table and a markdown table', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const table = await protogate(['routes', '--protos', folder]);
  t.regex(table.stdout, /^METHOD +PATH +RPC +NOTES\n/);
  t.regex(table.stdout, /\n\d+ routes of 1 service\n$/);
  const markdown = await protogate(['routes', '--protos', folder, '--format', 'markdown']);
  t.regex(markdown.stdout, /^\| method \| path \| rpc \| notes \|\n\|---/);
});

test('routes prints what loads when a file is broken, and exits 1', async (t) => {
  const folder = await protoFolder(t, { 'good.proto': LIBRARY, 'bad.proto': 'syntax = "proto3";\nmessage {' });
  const { exitCode, stdout, stderr } = await protogate(['routes', '--protos', folder]);
  t.is(exitCode, 1);
  t.true(stdout.includes('library.v1.Library/GetShelf'));
  t.regex(stderr, /bad\.proto:2(:\d+)?: error: .* \[proto-syntax\]/);
});

test('check reports every problem at its place, as text and as JSON', async (t) => {
  const broken = LIBRARY.replace('get: "/v1/{name=shelves/*}"', 'get: "/v1/{name=shelves/*"')
    .replace('get: "/files/{path=**}"', 'get: "/files/{paht=**}"')
    .replace('delete: "/v1/{name=shelves/*/books/*}"', 'get: "/v1/{name=shelves/*/books/*}"');
  const folder = await protoFolder(t, { 'library.proto': broken });
  const text = await protogate(['check', '--protos', folder]);
  t.is(text.exitCode, 1);
  t.regex(text.stdout, /library\.proto:8:\d+: error: path template: expected '}'.* \[path-template\]/);
  t.regex(text.stdout, /library\.proto:\d+:\d+: error: .*paht.* \[path-variable\]/);
  t.regex(
    text.stdout,
    /library\.proto:\d+:\d+: error: .*GetBook .*library\.proto:\d+.*DeleteBook .*library\.proto:\d+.* \[binding-conflict\]/,
  );
  const json = await protogate(['check', '--protos', folder, '--format', 'json']);
  const template = JSON.parse(json.stdout).find((row: { rule: string }) => row.rule === 'path-template');
  t.like(template, { severity: 'error', line: 8 });
});

test('check --strict exits 1 on a warning, check alone 0', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  t.is((await protogate(['check', '--protos', folder])).exitCode, 0);
  const strict = await protogate(['check', '--protos', folder, '--strict']);
  t.is(strict.exitCode, 1);
  t.regex(strict.stdout, /^--protos \S+: warning: .*every route is public.* \[no-auth\]/);
});

test('check of a config without upstreams is an error, as serve would refuse it; of protos alone it is not', async (t) => {
  const folder = await protoFolder(t, { 'protos/library.proto': LIBRARY });
  const config = join(folder, 'c.yaml');
  await writeFile(config, 'version: 1\nschema: { protos: [protos] }\n');
  const { exitCode, stdout } = await protogate(['check', '-c', config]);
  t.is(exitCode, 1);
  t.true(
    stdout.includes(
      `${config}: error: upstreams: expected at least one, got none, so serve would not start [no-upstreams]\n`,
    ),
  );
  t.is((await protogate(['check', '-c', config, '--upstream', '127.0.0.1:1'])).exitCode, 0);
});

test('check --against says which settings a reload could not change, at their keys', async (t) => {
  const folder = await protoFolder(t, { 'protos/a.proto': LIBRARY });
  const write = async (name: string, more: string) => {
    const upstreams = 'upstreams: { a: { target: "127.0.0.1:1" } }';
    await writeFile(join(folder, name), `version: 1\nschema: { protos: [protos] }\n${upstreams}\n${more}`);
    return join(folder, name);
  };
  const before = await write('old.yaml', 'listen: { port: 8080 }\n');
  const after = await write('new.yaml', 'listen: { port: 9090, h2c: true }\nworkers: 2\n');
  const { exitCode, stdout } = await protogate(['check', '-c', after, '--against', before, '--format', 'json']);
  t.is(exitCode, 1);
  const found = JSON.parse(stdout) as { rule: string; line: number; column: number; text: string }[];
  const restarts = found.filter(({ rule }) => rule === 'needs-restart');
  t.deepEqual(
    restarts.map(({ line, column, text }) => [line, column, text.split(':', 1)[0]]),
    [
      [4, 17, 'listen.port'],
      [5, 10, 'workers'],
    ],
  );
  t.is((await protogate(['check', '-c', after])).exitCode, 0);
  const same = await write('same.yaml', 'listen: { port: 8080, keepAliveTimeout: 10s }\n');
  t.is((await protogate(['check', '-c', same, '--against', before])).exitCode, 0);
  const missing = await protogate(['check', '-c', same, '--against', join(folder, 'none.yaml')]);
  t.is(missing.exitCode, 2);
  t.regex(
    missing.stderr,
    /--against: expected a config without errors: .*none\.yaml: error: expected a file, found none/,
  );
  t.is((await protogate(['check', '--protos', folder, '--against', before])).exitCode, 2);
});

test('check warns of a schema without any route', async (t) => {
  const folder = await protoFolder(t, 'package a.v1; message Q {} service S { rpc Get(Q) returns (Q); }');
  const { exitCode, stdout } = await protogate(['check', '--protos', folder]);
  t.is(exitCode, 0);
  t.regex(stdout, /^--protos \S+: warning: no rpc has a google\.api\.http rule, .* \[no-routes\]\n/m);
  t.notRegex(stdout, /every route is public/);
  t.notRegex((await protogate(['check', '--protos', folder, '--auto-routes'])).stdout, /no-routes/);
});

test('the demo on a port that is taken says so, and nothing else goes wrong', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const { exitCode, stderr } = await protogateAlone(['demo', '--port', '0', '--admin-port', String(port)]);
  t.is(exitCode, 1);
  t.regex(
    stderr,
    /^error: port 127\.0\.0\.1:\d+ is already in use; choose another one with --admin-port \(0 takes a free one\)\n$/,
  );
});

test('explain shows the binding, the captures and the request message', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const { exitCode, stdout } = await protogate([
    'explain',
    'PATCH',
    '/v1/shelves/1/books/2?update_mask=title',
    '-d',
    '{"title":"Emma"}',
    '--protos',
    folder,
  ]);
  t.is(exitCode, 0, stdout);
  t.regex(
    stdout,
    /matches +PATCH \/v1\/{book\.name=shelves\/\*\/books\/\*} \(.*test\.proto:\d+:\d+, the rule itself\)/,
  );
  t.regex(stdout, /captured +book\.name = "shelves\/1\/books\/2"/);
  t.regex(stdout, /library\.v1\.Library\/UpdateBook \(unary\)/);
  t.regex(stdout, /"updateMask": "title"/);
});

test('explain shows who may call and what decided it, and passes no identity of the client’s on', async (t) => {
  const folder = await protoFolder(t, {
    'protos/a.proto': `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
service S { rpc Get(Q) returns (Q) {
  option (google.api.http) = { get: "/v1/{id}" };
  option (protogate.v1.policy) = { auth: { scopes: "a|b" require: "request.id = caller.subject" } };
} rpc Other(Q) returns (Q) { option (google.api.http) = { get: "/v1/other/{id}" }; } }`,
  });
  await writeFile(
    join(folder, 'c.yaml'),
    `version: 1
schema: { protos: [protos] }
metadata: { request: ["*"] }
auth:
  jwt: [{ issuer: i, audiences: [a], jwksUri: "https://a.example/k", claimsToMetadata: { sub: x-user-id } }]
policies:
  - selector: a.v1.S.Other
    timeout: 2s
`,
  );
  const headers = ['-H', 'x-user-id: root', '-H', 'x-other: stays'];
  const { exitCode, stdout } = await protogate(['explain', 'GET', '/v1/7', '-c', join(folder, 'c.yaml'), ...headers]);
  t.is(exitCode, 0, stdout);
  t.regex(
    stdout,
    /\naccess +required: only a caller with a valid credential \(\S+a\.proto:8:\d+\)\n +scope a or b\n +request\.id = caller\.subject\n/,
  );
  t.regex(stdout, /\nmetadata +x-other: stays\n/);
  t.notRegex(stdout, /root/);
  const other = await protogate(['explain', 'GET', '/v1/other/7', '-c', join(folder, 'c.yaml')]);
  t.regex(other.stdout, /\naccess +required: only a caller with a valid credential \(\S+c\.yaml:5:3\)\n/);
  t.regex(other.stdout, /\npolicies +timeout: 2s \(\S+c\.yaml:7:5\)\n/);
  const routes = await protogate(['routes', '--format', 'json', '-c', join(folder, 'c.yaml')]);
  const [get, second] = JSON.parse(routes.stdout);
  t.deepEqual(get.policy, { auth: { scopes: ['a|b'], require: ['request.id = caller.subject'] }, access: 'required' });
  t.regex(get.policyOrigins.auth, /a\.proto:8:\d+$/);
  t.regex(second.policyOrigins.timeoutMs, /c\.yaml:7:5$/);
});

test('explain shows the exact error and exits 1', async (t) => {
  const folder = await protoFolder(t, SEARCH);
  const { exitCode, stdout } = await protogate(['explain', 'GET', '/find?i32=x', '--protos', folder]);
  t.is(exitCode, 1);
  t.regex(stdout, /error +400 i32: expected int32, got "x"/);
  t.is((await protogate(['explain', 'GET', '/nowhere', '--protos', folder])).exitCode, 1);
});

test('explain takes the messages of a client stream as a request would bring them', async (t) => {
  const explain = (body: string, ...flags: string[]) =>
    protogate(['explain', 'POST', '/v1/rooms/a:chat', '--protos', 'protos/demo', '-d', body, ...flags]);
  const array = await explain('[{"text":"x"},{"text":"y"}]');
  t.regex(array.stdout, /\nrequest +\{\n +"room": "rooms\/a",\n +"text": "x"\n +\}\n +\{\n +"text": "y"\n +\}\n/);
  const lines = await explain('{"text":"x"}\n{"text":"y"}', '-H', 'content-type: application/x-ndjson');
  t.is(lines.stdout, array.stdout);
  t.is((await explain('{"text":"x"}{"text":"y"}')).stdout, array.stdout);
  t.regex((await explain('{"text":"x"},')).stdout, /error +400 body: expected a message after message 1, got ","/);
  t.regex((await explain('[{},{"n":1}]')).stdout, /error +400 \[1\]\.n: unknown field/);
  t.regex((await explain('[]')).stdout, /\nrequest +\{\n +"room": "rooms\/a"\n +\}\n/);
});

test('config-schema prints a JSON Schema', async (t) => {
  const { exitCode, stdout } = await protogate(['config-schema']);
  t.is(exitCode, 0);
  t.like(JSON.parse(stdout), { type: 'object', additionalProperties: false });
});

/** A service that no upstream serves, and an aggregate that needs it. */
const UNSERVED = `package other.v1; import "google/api/annotations.proto"; import "protogate/v1/annotations.proto";
message M { string id = 1; }
message Page { M one = 1; }
service Other { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/other/{id}" }; } }
service Pages { rpc GetPage(M) returns (Page) {
  option (google.api.http) = { get: "/v1/pages/{id}" };
  option (protogate.v1.aggregate) = { steps: { into: "one" call: "other.v1.Other/Get" with: "id = request.id" } };
} }`;

test('serve says where it listens and what it serves, and ends with 0 on SIGTERM', async (t) => {
  const folder = await protoFolder(t, { 'library.proto': LIBRARY, 'other.proto': UNSERVED });
  const upstream = await startUpstream(LIBRARY, { GetShelf: { message: { theme: 'x' } } });
  t.teardown(upstream.close);
  const config = join(await mkdtemp(join(tmpdir(), 'protogate-')), 'protogate.yaml');
  await writeFile(config, 'version: 1\ndrain: { grace: 0s, timeout: 1s }\n');
  const server = await serving([
    'serve',
    '-c',
    config,
    '--protos',
    folder,
    '--upstream',
    `library.v1.*=${upstream.target}`,
    '--port',
    '0',
    '--admin-port',
    '0',
  ]);
  t.regex(server.line, /^listening on http:\/\/127\.0\.0\.1:\d+: 20 routes of 1 service$/);
  t.deepEqual((await sendTo(server.url, 'GET', '/v1/shelves/1')).json, { theme: 'x' });
  t.is(await server.stop(), 0);
  t.regex(server.stderr(), /"route":"\/v1\/{name=shelves\/\*}"/);
  const lines = server.stderr().trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, string>);
  const warnings = entries.filter(({ msg }) => msg === 'warning about the config or the protos');
  t.deepEqual(
    warnings.map(({ problem }) => /\[([a-z-]+)\]$/.exec(problem!)?.[1]),
    ['no-upstream', 'no-upstream', 'no-auth'],
  );
  t.true(warnings.every(({ level }) => level === 'warn'));
  t.regex(warnings[2]!.problem!, /^\S+: warning: .* \[no-auth\]$/);
});

test('/readyz says that the gateway is ready, and that it drains while it still serves', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const upstream = await startUpstream(LIBRARY);
  t.teardown(upstream.close);
  const config = join(folder, 'protogate.yaml');
  await writeFile(config, 'version: 1\ndrain: { grace: 6s, timeout: 1s }\n');
  const port = await freePort();
  const flags = ['--protos', folder, '--upstream', upstream.target, '--port', '0', '--admin-port', String(port)];
  const server = await serving(['serve', '-c', config, ...flags]);
  const admin = (path: string) => sendTo(`http://127.0.0.1:${port}`, 'GET', path);
  t.like(await admin('/healthz'), { status: 200, json: { status: 'alive' } });
  t.like(await admin('/readyz'), { status: 200, json: { ready: true, state: 'serving' } });
  t.is((await admin('/nowhere')).status, 404);
  const stopped = server.stop();
  t.true(await until(async () => (await admin('/readyz')).status === 503));
  t.like((await admin('/readyz')).json, { ready: false, state: 'draining' });
  t.is((await admin('/healthz')).status, 200);
  t.is((await sendTo(server.url, 'GET', '/v1/shelves/1')).status, 200);
  t.is(await stopped, 0);
});

test('--admin-host and --admin-port say where the admin port is, also over a file that has none', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const port = await freePort();
  for (const admin of ['admin: false', 'admin: { host: 127.0.0.9, port: 1 }']) {
    const config = join(folder, 'protogate.yaml');
    await writeFile(config, `version: 1\n${admin}\ndrain: { grace: 0s }\n`);
    const flags = ['--protos', folder, '--upstream', '127.0.0.1:1', '--port', '0', '--admin-host', '127.0.0.3'];
    const server = await serving(['serve', '-c', config, ...flags, '--admin-port', String(port)]);
    t.is((await sendTo(`http://127.0.0.3:${port}`, 'GET', '/healthz')).status, 200, admin);
    await t.throwsAsync(sendTo(`http://127.0.0.1:${port}`, 'GET', '/healthz'), { code: 'ECONNREFUSED' });
    t.is(await server.stop(), 0);
  }
});

test('serve refuses a schema with errors: exit 1, each named, nothing listens', async (t) => {
  const folder = await protoFolder(t, LIBRARY.replace('{name=shelves/*}"', '{name=shelves/*"'));
  const { exitCode, stderr, stdout } = await protogate([
    'serve',
    '--protos',
    folder,
    '--upstream',
    '127.0.0.1:1',
    '--port',
    '0',
  ]);
  t.is(exitCode, 1);
  t.regex(stderr, /\[path-template\]/);
  t.notRegex(stdout, /listening/);
});

test('serve without an upstream is wrong usage', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const { exitCode, stderr } = await protogate(['serve', '--protos', folder]);
  t.is(exitCode, 2);
  t.regex(stderr, /no upstream/);
});

test('serve on a port that is taken: exit 1 and one line', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const { exitCode, stderr } = await protogateAlone([
    'serve',
    '--protos',
    folder,
    '--upstream',
    '127.0.0.1:1',
    '--port',
    String(port),
    '--admin-port',
    '0',
  ]);
  t.is(exitCode, 1);
  t.regex(
    stderr,
    /\nerror: port 127\.0\.0\.1:\d+ is already in use; choose another one with --port \(0 takes a free one\)\n$/,
  );
  t.notRegex(stderr, STACK);
});

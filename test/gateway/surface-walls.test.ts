/**
 * Requests every method of every surface on every other surface of a real gateway, plainly and by many tricks. A method that a
 * surface does not have must look like one that does not exist.
 */
import test from 'ava';
import { sendBytes } from '../fuzz/send-bytes.js';
import { type Answer, afterAll, startGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';

const PROTO = `
syntax = "proto3";
package z.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
service Shared {
  rpc Both(In) returns (Out) { option (google.api.http) = { get: "/v1/both" additional_bindings { post: "/v1/both" body: "*" } }; }
  // On one path of a method that both surfaces have, another verb.
  rpc Wipe(In) returns (Out) { option (google.api.http) = { delete: "/v1/both" }; }
}
service Public { rpc Read(In) returns (Out) { option (google.api.http) = { get: "/v1/public/{id}" }; } }
service Secret {
  option (protogate.v1.default_policy) = { labels: "inside" };
  rpc Dump(In) returns (Out) { option (google.api.http) = { get: "/v1/secrets/{id}" }; }
  rpc Drop(In) returns (Out) { option (google.api.http) = { post: "/v1/secrets/{id}:drop" body: "*" }; }
  rpc Watch(In) returns (stream Out) { option (google.api.http) = { get: "/v1/secrets:watch" }; }
}
message In { string id = 1; }
message Out { string who = 1; }
`;

const SURFACES = [
  { name: 'open', exclude: ['label:inside', 'z.v1.Shared/Wipe'] },
  { name: 'app', basePath: '/app', include: ['z.v1.Public.*', 'z.v1.Shared.*'], exclude: ['z.v1.Shared/Wipe'] },
  { name: 'office', hosts: ['office.example.com', '[2001:DB8::0:7]'], basePath: '/inner' },
  { name: 'beta', headers: { 'x-beta': '1' }, include: ['z.v1.Public.*'] },
];

/** The base path and the headers with which a client reaches each surface. */
const AT: Readonly<Record<string, { readonly base: string; readonly headers: Readonly<Record<string, string>> }>> = {
  open: { base: '', headers: {} },
  app: { base: '/app', headers: {} },
  office: { base: '/inner', headers: { host: 'office.example.com' } },
  beta: { base: '', headers: { 'x-beta': '1' } },
};

interface Method {
  readonly verb: string;
  readonly path: string;
  readonly on: readonly string[];
}

const METHODS: Readonly<Record<string, Method>> = {
  'Shared/Both': { verb: 'GET', path: '/v1/both', on: ['open', 'app', 'office'] },
  'Shared/Wipe': { verb: 'DELETE', path: '/v1/both', on: ['office'] },
  'Public/Read': { verb: 'GET', path: '/v1/public/7', on: ['open', 'app', 'office', 'beta'] },
  'Secret/Dump': { verb: 'GET', path: '/v1/secrets/7', on: ['office'] },
  'Secret/Drop': { verb: 'POST', path: '/v1/secrets/7:drop', on: ['office'] },
  'Secret/Watch': { verb: 'GET', path: '/v1/secrets:watch', on: ['office'] },
};

const suite = afterAll(test);
let started: ReturnType<typeof startGateway>;
test.before(() => {
  started = startGateway(suite, PROTO, { Watch: { messages: [{ who: 'one' }] } }, { surfaces: SURFACES });
});

type Ask = (verb: string, path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;

/** Returns an answer without the parts that differ in every answer. */
function shape({ status, headers, text }: Answer, path: string) {
  const { date, 'x-request-id': id = '', 'content-length': _, ...rest } = headers;
  return { status, headers: rest, text: text.replaceAll(String(id), 'ID').replaceAll(path, 'PATH') };
}

for (const [surface, { base, headers }] of Object.entries(AT)) {
  for (const [name, { verb, path, on }] of Object.entries(METHODS)) {
    const has = on.includes(surface);
    test.serial(`${surface}: ${name} is ${has ? 'served' : 'not there'}`, async (t) => {
      const { send, upstream } = await started;
      const before = upstream.calls.length;
      const ask: Ask = (asked, target, more = {}) => {
        const body = asked === 'POST' ? { body: {} } : {};
        return send(asked, base + target, { headers: { ...headers, ...more }, ...body });
      };
      const plain = await ask(verb, path);
      if (has) {
        t.is(plain.status, 200, plain.text);
        t.is(upstream.calls.length, before + 1);
        t.is(upstream.calls.at(-1)!.path, `/z.v1.${name}`);
        return;
      }
      // DELETE of a path that has other methods is a 405 that does not name it.
      if (name === 'Shared/Wipe' && surface !== 'beta') {
        t.is(plain.status, 405);
        t.is(plain.headers.allow, 'GET, HEAD, OPTIONS, POST');
        t.is((await ask('OPTIONS', path)).headers.allow, 'GET, HEAD, OPTIONS, POST');
        t.is(upstream.calls.length, before);
        return;
      }
      const nowhere = `/v1/nowhere/${surface}`;
      for (const asked of [verb, 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'TRACE']) {
        const hidden = shape(await ask(asked, path), base + path);
        t.deepEqual(hidden, shape(await ask(asked, nowhere), base + nowhere), asked);
        t.is(hidden.status, 404);
      }
      const socket = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
      const handshake = { ...socket, 'sec-websocket-key': 'ZHJ5LXJ1bi1kcnktcnVuLQ==' };
      t.is((await ask('GET', path, handshake)).status, 404);
      t.is(upstream.calls.length, before);
    });
  }
}

/** Ways in which a client that reaches `open` alone might try to get to `office`. PATH is a path of a secret method. */
const TRICKS: readonly (readonly [title: string, path: string, headers: Readonly<Record<string, string>>])[] = [
  ['X-Forwarded-Host', '/innerPATH', { 'x-forwarded-host': 'office.example.com' }],
  ['Forwarded', '/innerPATH', { forwarded: 'host=office.example.com' }],
  ['X-Host', '/innerPATH', { 'x-host': 'office.example.com', 'x-original-host': 'office.example.com' }],
  ['X-Original-URL', '/v1/both', { 'x-original-url': '/innerPATH', 'x-rewrite-url': '/innerPATH' }],
  ['X-Forwarded-Prefix', 'PATH', { 'x-forwarded-prefix': '/inner' }],
  ['the base path alone', '/innerPATH', {}],
  ['the host alone', 'PATH', { host: 'office.example.com' }],
  ['the host in upper case', 'PATH', { host: 'OFFICE.EXAMPLE.COM' }],
  ['an encoded dot in the host', '/innerPATH', { host: 'office%2eexample.com' }],
  ['another address', '/innerPATH', { host: '[2001:db8::8]' }],
  ['a longer host', '/innerPATH', { host: 'office.example.com.evil.com' }],
  ['a host before it', '/innerPATH', { host: 'evil-office.example.com' }],
  ['two dots behind the host', '/innerPATH', { host: 'office.example.com..' }],
  ['dot segments out of a base path', '/app/../innerPATH', {}],
  ['dot segments at the host', '/inner/..PATH', { host: 'office.example.com' }],
  ['dot segments, encoded', '/app/%2e%2e/innerPATH', {}],
  ['dot segments, encoded, with an encoded slash', '/app%2F..%2FinnerPATH', {}],
  ['an encoded base path', '/inn%65rPATH', { host: 'office.example.com' }],
  ['an encoded slash behind the base path', '/inner%2FPATH', { host: 'office.example.com' }],
  ['two slashes', '/inner/PATH', {}],
  ['two slashes in front', '//innerPATH', { host: 'office.example.com' }],
  ['dot segments with a parameter', '/app/..;/innerPATH', { host: 'office.example.com' }],
  ['a dot segment', '/./innerPATH', { host: 'office.example.com' }],
  ['a null byte', '/inner%00PATH', { host: 'office.example.com' }],
  ['a host in the path', '//office.example.com/innerPATH', {}],
  ['a parameter in the base path', '/inner;x=1PATH', { host: 'office.example.com' }],
  ['a backslash', '/inner%5CPATH', { host: 'office.example.com' }],
  ['the base path in upper case', '/INNERPATH', { host: 'office.example.com' }],
  ['the path of the rpc', '/z.v1.Secret/Dump', {}],
  ['the path of the rpc below a base path', '/inner/z.v1.Secret/Dump', { host: 'office.example.com' }],
  ['the header of another surface', 'PATH', { 'x-beta': '1' }],
  ['another base path', '/appPATH', {}],
  ['X-HTTP-Method-Override', '/v1/both', { 'x-http-method-override': 'DELETE' }],
];

for (const [title, target, headers] of TRICKS) {
  test.serial(`no way through: ${title}`, async (t) => {
    const { send, upstream } = await started;
    for (const [verb, path] of [
      ['GET', '/v1/secrets/7'],
      ['POST', '/v1/secrets/7:drop'],
      ['GET', '/v1/secrets:watch'],
      ['DELETE', '/v1/both'],
    ] as const) {
      const body = verb === 'POST' ? { body: {} } : {};
      const before = upstream.calls.length;
      const { status, text } = await send(verb, target.replace('PATH', path), { headers, ...body });
      const called = upstream.calls.slice(before).map((call) => call.path);
      t.deepEqual(
        called.filter((one) => !['/z.v1.Shared/Both', '/z.v1.Public/Read'].includes(one)),
        [],
        `${verb} ${path}: ${status}`,
      );
      t.false(/Secret|Wipe|secrets\/\{|office/.test(text.replaceAll(target.replace('PATH', path), '')), text);
    }
  });
}

const head = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`;

async function say(port: number, text: string): Promise<string> {
  const { received } = await sendBytes(port, [Buffer.from(text)], { endsAfter: false, patienceMs: 5000 });
  return received.toString('latin1');
}

test.serial('no way through: two hosts, absolute-form, and an authority that Host contradicts', async (t) => {
  const { port, upstream } = await started;
  const before = upstream.calls.length;
  const path = '/inner/v1/secrets/7';
  const answers = {
    'two hosts': await say(
      port,
      head(`GET ${path} HTTP/1.1`, 'Host: a.com', 'Host: office.example.com', 'Connection: close'),
    ),
    'the target decides': await say(
      port,
      head(`GET http://a.com${path} HTTP/1.1`, 'Host: office.example.com', 'Connection: close'),
    ),
    'user info': await say(
      port,
      head(`GET http://office.example.com@a.com${path} HTTP/1.1`, 'Host: a.com', 'Connection: close'),
    ),
    'a list': await say(port, head(`GET ${path} HTTP/1.1`, 'Host: office.example.com, a.com', 'Connection: close')),
  };
  const statuses = Object.entries(answers).map(([name, text]) => [name, Number(text.slice(9, 12))]);
  t.deepEqual(statuses, [
    ['two hosts', 400],
    ['the target decides', 404],
    ['user info', 400],
    ['a list', 400],
  ]);
  t.is(upstream.calls.length, before);
  const target = await say(
    port,
    head(`GET http://OFFICE.example.com.:80${path} HTTP/1.1`, 'Host: a.com', 'Connection: close'),
  );
  t.is(target.slice(9, 12), '200');
});

test('a request cannot reach another surface by an :authority that differs from its Host', async (t) => {
  const { url, upstream } = await startGateway(t, PROTO, {}, { surfaces: SURFACES, listen: { h2c: true } });
  const client = http2Client(t, url);
  const path = '/inner/v1/secrets/7';
  const ask = (headers: Record<string, string>) => client.send('GET', path, { headers });
  t.is((await ask({ ':authority': 'a.com', host: 'office.example.com' })).status, 400);
  t.is((await ask({ ':authority': 'office.example.com', host: 'a.com' })).status, 400);
  t.is((await ask({ ':authority': 'a.com' })).status, 404);
  t.is(upstream.calls.length, 0);
  // Node's client lets a path be a whole URL if the scheme is not one of HTTP.
  const absolute = { ':authority': 'a.com', ':scheme': 'foo' };
  t.is((await client.send('GET', `http://office.example.com${path}`, { headers: absolute })).status, 400);
  t.is(upstream.calls.length, 0);
  t.is((await ask({ ':authority': 'office.example.com' })).status, 200);
});

test('a surface is found by each spelling of an IPv6 address, with and without a port', async (t) => {
  const { send } = await startGateway(t, PROTO, {}, { surfaces: SURFACES });
  for (const host of ['[2001:db8::7]', '[2001:db8::7]:8080', '[2001:DB8:0:0:0:0:0:7]:80'])
    t.is((await send('GET', '/inner/v1/secrets/7', { headers: { host } })).status, 200, host);
});

/** The admin port: the hosts that it answers for, the form of its refusals, and how long it waits. */
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { listenAdmin } from '../../src/process/run-server.js';
import { urlOf } from '../../src/server/listener/listen.js';
import type { MetricValues } from '../../src/telemetry/exposition.js';
import { createLog } from '../../src/telemetry/log.js';
import { planOf, sendTo } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

const UP: MetricValues = {
  name: 'up',
  help: 'It is up.',
  type: 'gauge' as never,
  aggregator: 'sum',
  values: [{ value: 1, labels: {} }],
};

interface Sources {
  readonly metrics?: () => Promise<readonly MetricValues[]>;
}

async function start(t: ExecutionContext, overrides: Partial<ConfigInput> = {}, { metrics }: Sources = {}) {
  const plan = await planOf(t, LIBRARY, { admin: { port: 0 }, ...overrides });
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const readiness = () => ({ ready: true, state: 'serving', upstreams: new Map() });
  const server = await listenAdmin(() => plan, { metrics: metrics ?? (async () => [UP]), readiness }, log);
  t.teardown(() => {
    server!.close();
    server!.closeAllConnections();
  });
  const url = urlOf(server!);
  const send = (method: string, path: string, headers = {}) => sendTo(url, method, path, { headers });
  return { send, url, port: Number(new URL(url).port), lines };
}

/** Returns everything that comes back until the connection ends; undefined if it does not end within `waitMs`. */
function raw(port: number, text: string, waitMs = 30_000): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(undefined);
    }, waitMs);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(received);
    });
    socket.write(text);
  });
}

const hosts = ['admin.example.com', '*.svc.cluster.local'];

test('localhost, every IP address and the names of admin.hosts are answered', async (t) => {
  const { send, port } = await start(t, { admin: { port: 0, hosts } });
  for (const host of [
    'localhost',
    'LOCALHOST:9901',
    'localhost.',
    '127.0.0.1:9901',
    '10.1.2.3',
    '[::1]:9901',
    '[2001:db8::1]',
    'admin.example.com:80',
    'Admin.Example.Com.',
    'a.svc.cluster.local',
    'a.b.svc.cluster.local:9901',
  ]) {
    t.is((await send('GET', '/healthz', { host })).status, 200, host);
  }
  t.regex((await raw(port, 'GET /healthz HTTP/1.0\r\n\r\n')) ?? '', /^HTTP\/1\.1 200 /, 'a probe that names no host');
});

test('every other host name is 421 with what to do, on every path', async (t) => {
  const { send } = await start(t, { admin: { port: 0, hosts } });
  for (const host of [
    'evil.example',
    'evil.example:9901',
    'svc.cluster.local',
    'admin.example.com.evil.example',
    'xadmin.example.com',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '0x7f.1',
    'foo.localhost',
  ]) {
    for (const [method, path] of [
      ['GET', '/metrics'],
      ['GET', '/routes'],
      ['GET', '/readyz'],
      ['GET', '/nowhere'],
      ['POST', '/routes'],
      ['OPTIONS', '/routes'],
    ] as const) {
      const { status, json, headers } = await send(method, path, { host });
      t.is(status, 421, `${method} ${path} ${host}`);
      t.is(json.message, `host: expected localhost, an IP address or one of admin.hosts, got ${JSON.stringify(host)}`);
      t.is(json.details[0].reason, 'MISDIRECTED_REQUEST');
      t.is(headers['access-control-allow-origin'], undefined);
    }
  }
});

test('the target’s own authority decides, and a host that is none or stands twice is 400', async (t) => {
  const { port } = await start(t);
  for (const [request, status] of [
    ['GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost', 421],
    ['GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example', 200],
    ['GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example', 400],
    ['GET /healthz HTTP/1.1\r\nHost: a@localhost', 400],
    ['GET /healthz HTTP/1.1', 400],
    // A target without a path, and one with neither host nor path.
    ['GET http://localhost HTTP/1.1\r\nHost: localhost', 404],
    ['GET http:// HTTP/1.1\r\nHost: localhost', 400],
    ['GET http://? HTTP/1.1\r\nHost: localhost', 400],
    ['OPTIONS * HTTP/1.1\r\nHost: localhost', 404],
    ['GET a HTTP/1.1\r\nHost: localhost', 400],
  ] as const) {
    const answer = await raw(port, `${request}\r\nConnection: close\r\n\r\n`);
    t.regex(answer ?? '', new RegExp(`^HTTP/1\\.1 ${status} `), request);
  }
});

for (const format of ['status', 'aip193', 'problem'] as const) {
  test(`refusals have the configured form of an error: ${format}`, async (t) => {
    const metrics = () => Promise.reject(new Error('secret at 10.0.0.7'));
    const { send, port, lines } = await start(t, { errors: { format } }, { metrics });
    const say = async (method: string, path: string) => {
      const { status, json, headers, text } = await send(method, path);
      t.is(headers['content-type'], format === 'problem' ? 'application/problem+json' : 'application/json');
      t.regex(String(headers['x-request-id']), /^[\da-f-]{36}$/);
      t.is(headers['x-content-type-options'], 'nosniff');
      t.notRegex(text, /secret|10\.0/);
      return { status, headers, message: json.message ?? json.error?.message ?? json.detail };
    };
    const none = await say('GET', '/nowhere');
    t.is(none.status, 404);
    t.is(
      none.message,
      'path: expected /healthz, /readyz, /metrics, /routes, /openapi.json or /reference, got "/nowhere"',
    );
    const post = await say('POST', '/metrics');
    t.is(post.status, 405);
    t.is(post.headers.allow, 'GET, HEAD, OPTIONS');
    t.is(post.message, 'method: expected one of GET, HEAD, OPTIONS, got POST');
    t.is((await say('PROPFIND', '/metrics')).status, 405);
    const failed = await say('GET', '/metrics');
    t.is(failed.status, 500);
    t.regex(failed.message, /^internal error \(request id /);
    t.true(
      lines.some((line) => line.includes('secret at 10.0.0.7')),
      'the truth is in the log',
    );
    const broken = (await raw(port, 'GET / HTTP/1.1\r\nHo st: a\r\n\r\n')) ?? '';
    t.regex(broken, /^HTTP\/1\.1 400 /);
    t.regex(broken, /malformed HTTP request: expected headers of the form NAME: VALUE/);
  });
}

test('HEAD and OPTIONS are as on the public port', async (t) => {
  const { send } = await start(t);
  const head = await send('HEAD', '/metrics');
  t.is(head.status, 200);
  t.is(head.headers['content-length'], String((await send('GET', '/metrics')).text.length));
  const options = await send('OPTIONS', '/metrics');
  t.is(options.status, 204);
  t.is(options.headers.allow, 'GET, HEAD, OPTIONS');
});

test('slow heads, idle connections and bodies that never come end in the public port’s time', async (t) => {
  const listen = { headersTimeout: '2s', keepAliveTimeout: '300ms' };
  const { port } = await start(t, { listen });
  t.regex((await raw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n')) ?? '', /^HTTP\/1\.1 408 /);
  t.regex((await raw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')) ?? '', /^HTTP\/1\.1 200 /);
  for (const body of ['Content-Length: 5\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n5\r\nab']) {
    const answer = (await raw(port, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${body}`)) ?? '';
    t.regex(answer, /^HTTP\/1\.1 200 /);
    t.regex(answer, /connection: close/i);
  }
});

test('heads over limits.headerBytes are 431', async (t) => {
  const { send } = await start(t, { limits: { headerBytes: '4KiB' } });
  t.is((await send('GET', '/healthz', { 'x-a': 'a'.repeat(5000) })).status, 431);
});

test('check warns of an admin port that is open to others and has no names', async (t) => {
  const risks = async (admin: ConfigInput['admin']) =>
    (await planOf(t, LIBRARY, { admin })).diagnostics.filter(({ rule }) => rule === 'admin-hosts');
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'admin.internal']) {
    t.like(await risks({ host }), [{ severity: 'warning' }], host);
    t.deepEqual(await risks({ host, hosts: ['admin.internal'] }), []);
  }
  for (const host of ['127.0.0.1', '127.0.0.2', '::1', 'localhost']) t.deepEqual(await risks({ host }), [], host);
  t.deepEqual(await risks(false), []);
});
